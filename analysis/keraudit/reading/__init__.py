"""From what a user names to an ``Architecture``, without importing Keras where that is possible."""
