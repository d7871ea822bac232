"""What the 1x1 reductions of a model save."""
