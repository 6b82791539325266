"""The pages: what is tracked and registered, to look at, compare and promote in a browser."""
