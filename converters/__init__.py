"""From a trained network to TFLite flatbuffers: takes models and arrays, knows no files and no command line."""
