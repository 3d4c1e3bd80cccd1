"""Data to try Winnow with."""
