"""Stageline: ML tracking, projects, models and a gated registry in your own bucket or folder."""
