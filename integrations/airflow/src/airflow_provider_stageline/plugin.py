"""What Airflow loads of this provider in every component: the listener of tasks and DAG runs."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class StagelinePlugin(AirflowPlugin):
    """Registered by the entry point `airflow.plugins`."""

    name = "stageline"
