"""Lineage: dataset -> run -> model version -> stage -> deployment, from what was recorded and nothing else."""
