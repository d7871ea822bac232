"""Whether what lectures and papers say of ResNets and Inception holds for a graph."""
