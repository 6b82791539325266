"""What charts are drawn of: lines of metrics, dimensions of runs, colours."""
