"""Scripts that make the committed records and bundled data; each says in its help what it writes."""
