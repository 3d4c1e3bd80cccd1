"""Exports for trainers: Parquet, CSV, RecBole and a PyTorch dataset."""
