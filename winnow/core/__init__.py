"""What every room stands on: errors, settings, paths, locks, files and signals."""
