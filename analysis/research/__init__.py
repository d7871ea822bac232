"""Side questions that the experiments raised: one self-contained script each, with its record in `site/results`."""
