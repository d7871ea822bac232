"""Our commands beside their peers: each script times both in the same run and writes a record."""
