"""Where Airflow has the pages: the path that they are mounted at, the tabs that show them, and links to these.

Read in every component of Airflow; imports nothing that is heavy.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import conf

MOUNT = "/stageline"
DAG_RUN, TASK_INSTANCE = "/dag-run", "/task-instance"
"""Below the mount: they lead to the page of whatever their query names."""
LINEAGE_TAB, RUN_TAB, MODELS_PAGE = "stageline-lineage", "stageline-run", "stageline-models"
"""In Airflow's own addresses."""
_NEEDED = ("fastapi", "grandalf", "jinja2", "nh3", "tsdownsample")
"""Some of what the extra `ui` brings."""


def are_shown() -> bool:
    """Whether this Airflow shows the pages: unless it is told not to, or what they are made by is not installed."""
    return conf.getboolean("stageline", "pages", fallback=True) and all(map(find_spec, _NEEDED))


def address(conn_id: str) -> str | None:
    """Where a browser finds the pages; None if they are not shown, or not those of this connection's store.

    Without a host where Airflow does not know its own (`[api] base_url`).
    """
    shown = str(conf.get("stageline", "conn_id", fallback=conn_id))
    return _airflow() + MOUNT if are_shown() and conn_id == shown else None


def mounted_at() -> str:
    """The path of the pages on Airflow's host."""
    return urlsplit(_airflow()).path + MOUNT


def views() -> list[dict[str, Any]]:
    """The tabs and the entry of the navigation, as Airflow wants to be told; it fills in what stands in braces."""
    here = mounted_at()
    of_dag_run = "dag_id={DAG_ID}&run_id={RUN_ID}"
    return [
        {
            "name": "Lineage",
            "href": f"{here}{DAG_RUN}?{of_dag_run}",
            "destination": "dag_run",
            "url_route": LINEAGE_TAB,
        },
        {
            "name": "Run",
            "href": f"{here}{TASK_INSTANCE}?{of_dag_run}&task_id={{TASK_ID}}&map_index={{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": RUN_TAB,
        },
        {
            "name": "Models",
            "href": f"{here}/models",
            "destination": "nav",
            "category": "browse",
            "url_route": MODELS_PAGE,
        },
    ]


def _airflow() -> str:
    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
