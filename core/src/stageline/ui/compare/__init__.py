"""Runs side by side: what differs, and by how much from a baseline. Computed here, drawn by `views/compare.py`."""
