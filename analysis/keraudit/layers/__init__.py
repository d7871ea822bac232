"""The layer table: what every Keras layer and operation does to shapes, weights and counts."""
