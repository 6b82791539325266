"""What Airflow loads of this provider in every component: the listener of tasks and DAG runs."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_stageline.listener import StagelineListener


class StagelinePlugin(AirflowPlugin):
    """Registered by the entry point `airflow.plugins`."""

    name = "stageline"
    listeners = [StagelineListener()]  # noqa: RUF012  # Airflow's way
