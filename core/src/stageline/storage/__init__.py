"""Bytes, journals, logs and the index: the only rooms that do I/O on a store."""
