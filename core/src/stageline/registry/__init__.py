"""Registered models, their versions and stages: what may happen, and the record of what did (docs/design/003)."""
