"""Finished runs: found, compared over seeds, published; and experiments of many runs."""
