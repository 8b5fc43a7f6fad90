"""From a trained network to TFLite flatbuffers: takes models and arrays, knows no project files and no command line."""
