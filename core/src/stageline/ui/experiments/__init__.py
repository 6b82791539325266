"""What the list of experiments shows of each, and in which order."""
