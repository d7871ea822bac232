"""Our count beside that of other counters, each difference explained by a named term."""
