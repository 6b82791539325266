"""What a project's code runs in: built once, shared, pruned. Start at `spec`, then `prepare`."""
