"""What the evaluation layer says of models, and daily batches."""
