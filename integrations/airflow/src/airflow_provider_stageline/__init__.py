"""Stageline for Airflow."""
