"""From a connection to its store, and to the versions that tasks, sensors and triggers speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stageline import Workspace

CONN_ID = "stageline_default"


def open_workspace(conn_id: str) -> Workspace:
    """The store of a connection."""
    from airflow_provider_stageline.hooks import StagelineHook

    return StagelineHook(conn_id).workspace()


def registry_of(operator: Any, context: Context) -> Any:
    """The registry, where each change says who made it, from which run, and on which page of Airflow it shows."""
    from stageline import active_run

    run = active_run()
    return open_workspace(operator.stageline_conn_id).registry.acting(
        operator.actor or f"airflow:{operator.dag_id}",
        run_id=run.run_id if run else None,
        link=context["ti"].log_url,
    )


def find_version(registry: Any, model: str, version: int | str) -> Any:
    """A version by its number, a stage, `latest`, or an alias with its `@`. Raises `NotFound`."""
    selector = str(version)
    separator = "" if selector.startswith("@") else "/"
    return registry.get_by_uri(f"models:/{model}{separator}{selector}")


def version_values(version: Any) -> dict[str, Any]:
    """A version as an XCom."""
    return {
        "model": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "uri": f"models:/{version.name}/{version.version}",
        "run_id": version.run_id,
    }
