"""Questions asked of a graph, one file each; every answer is a frozen record."""
