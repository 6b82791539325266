"""Steps: entry points that read files and make files, run in their order, and only when something has changed.

Start at `step`, then `graph`, `facts`, `looking`, `workshop`, `pipeline`.
"""
