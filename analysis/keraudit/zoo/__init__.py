"""Architectures of the papers that Keras Applications lacks, built in Keras.

``names`` says what can be asked for and imports no Keras; each other module builds.
"""
