"""The Winnow application: command line, build and report."""
