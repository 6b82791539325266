"""MLflow's REST protocol over a store: stateless replicas, each one or several worker processes on a port."""
