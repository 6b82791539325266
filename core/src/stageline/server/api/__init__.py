"""`/api/stageline/1`: what MLflow's protocol has no words for. Gates, requests, history, lineage, attempts, events."""
