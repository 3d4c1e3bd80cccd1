"""What measures the figures of docs/benchmarks.md."""
