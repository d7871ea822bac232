"""Data, recipes, training and evaluation; every run leaves a record that can be made again."""
