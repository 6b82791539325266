"""Stageline for Prefect."""
