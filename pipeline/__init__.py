"""Data, training, evaluation and releases: thin over `converters` and `device`."""
