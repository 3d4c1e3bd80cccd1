"""The loaders: one short file for each source of data."""
