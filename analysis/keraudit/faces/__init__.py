"""A case study: whose face is it, told by Inception features and a residual classifier."""
