"""Builds: dbt, the quality of what came out, and what a build would say of files."""
