"""Rejected records: what was rejected and why, corrections, and their replay."""
