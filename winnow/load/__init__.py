"""Loads: files in, files of the landing lake and rows of the raw tables out."""
