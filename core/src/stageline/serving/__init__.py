"""A model as an HTTP server: MLflow's scoring protocol, in worker processes that a parent replaces and drains."""
