"""From a graph to a live Keras model: what may be built, and with which weights."""
