"""What Airflow loads of this provider in every component: the listener of tasks and DAG runs, and the pages."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_stageline.listener import StagelineListener
from airflow_provider_stageline.pages.addresses import MOUNT, are_shown, views
from airflow_provider_stageline.pages.door import PagesDoor

_SHOWN = are_shown()


class StagelinePlugin(AirflowPlugin):
    """Registered by the entry point `airflow.plugins`."""

    name = "stageline"
    listeners = [StagelineListener()]  # noqa: RUF012  # Airflow's way
    fastapi_apps = (
        [{"app": PagesDoor(), "url_prefix": MOUNT, "name": "Stageline"}] if _SHOWN else []
    )
    external_views = views() if _SHOWN else []
