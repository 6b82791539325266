"""What a project's command finds in its environment, so that whatever it starts logs to the project's run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of the settings, those that concern logging. Not the registry's secrets: a project has no use for them.
_HANDED_ON = (
    "durability", "flush_s", "flush_bytes", "heartbeat_s", "stale_after_s", "end_timeout_s", "retry_for_s",
    "reach_for_s", "spool", "cache",
    "allow_pickle", "user",
)  # fmt: skip
_PATHS = ("spool", "cache")


def run_variables(
    run_id: str,
    experiment_id: str,
    experiment_name: str | None,
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The variables by which `start_run()` in another process, and in another folder, joins a run.

    `experiment_id` is empty while only its name is known, because the store is away.

    MLflow's own names are set if a server speaks for the store, all of them or none: half of them would send its
    client looking for the run in a place where it is not.
    """
    variables = {
        "STAGELINE_RUN_ID": run_id,
        "STAGELINE_STORE": _absolute_store(settings.store),
        **_handed_on(settings, environment),
    }
    if experiment_id:
        variables["STAGELINE_EXPERIMENT_ID"] = experiment_id
    elif experiment_name:
        variables["STAGELINE_EXPERIMENT_NAME"] = experiment_name
    if settings.storage_options:
        variables["STAGELINE_STORAGE_OPTIONS"] = json.dumps(settings.storage_options)
    if environment.get("STAGELINE_CONFIG"):
        variables["STAGELINE_CONFIG"] = str(Path(environment["STAGELINE_CONFIG"]).absolute())
    if settings.server_url and experiment_id:
        variables |= {
            "MLFLOW_RUN_ID": run_id,
            "MLFLOW_TRACKING_URI": settings.server_url,
            "MLFLOW_EXPERIMENT_ID": experiment_id,
        }
    return variables


def _handed_on(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """What differs from the default, or from what the command would find there already."""
    default = Settings()
    variables = {}
    for name in _HANDED_ON:
        value, variable = getattr(settings, name), f"STAGELINE_{name.upper()}"
        if value != getattr(default, name) or environment.get(variable):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            variables[variable] = str(Path(text).absolute()) if name in _PATHS and text else text
    return variables


def _absolute_store(store: str) -> str:
    return store if "://" in store else str(Path(store).expanduser().absolute())
