"""Graph to Graph: the same network without its skips, without its reductions, wider, deeper.

Every rewrite is a function of a graph (and its own options) that returns a ``Rewrite``: the new
graph and a log of what was changed, what was left alone, and why.
"""
