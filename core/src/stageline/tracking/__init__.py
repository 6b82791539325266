"""The use cases of experiments, runs and artifacts."""
