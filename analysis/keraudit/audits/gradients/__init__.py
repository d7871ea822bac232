"""Gradients across depth, measured: one backward pass that streams a network block by block.

``network`` cuts a graph into pieces at its blocks, ``backend`` pulls a gradient through a piece,
``measure`` makes the profile of one batch, ``compare`` runs it over seeds and rewrites.
"""
