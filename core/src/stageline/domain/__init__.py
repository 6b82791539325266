"""What runs, experiments and metrics are: values, events, folds and queries. Touches nothing outside itself."""
