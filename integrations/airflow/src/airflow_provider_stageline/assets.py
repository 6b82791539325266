"""Models and datasets as Airflow's assets: what a DAG is scheduled on, and what its events say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from airflow.sdk import Asset, AssetWatcher

from airflow_provider_stageline.reaching import CONN_ID

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.sdk import Context

SCHEME = "stageline"


def model_asset(
    name: str,
    stage: str | None = None,
    *,
    stageline_conn_id: str = CONN_ID,
    watch: bool = True,
    poll_interval_s: float = 30.0,
) -> Asset:
    """A model in a stage. A DAG that is scheduled on it runs when a version enters the stage, whoever moved it.

    `transitions_of(context)` tells a run of that DAG what happened.

    Args:
        name: The registered model.
        stage: The stage; any if not given.
        stageline_conn_id: Connection of type `stageline`.
        watch: Whether the triggerer looks at the store. Without it the asset only has the events of operators that
            name it among their `outlets`; with both, each transition of theirs is told twice, with the same `key`.
        poll_interval_s: Seconds between two looks, which all assets of the store share.
    """
    from airflow_provider_stageline.triggers import ModelStageEventTrigger

    path = "/".join(quote(part, safe="") for part in ("models", name, stage) if part is not None)
    watchers = []
    if watch:
        trigger = ModelStageEventTrigger(
            model=name,
            stages=None if stage is None else [stage],
            stageline_conn_id=stageline_conn_id,
            poll_interval_s=poll_interval_s,
        )
        watchers = [AssetWatcher(name="transitions", trigger=trigger)]
    prefix = "" if stageline_conn_id == CONN_ID else f"{stageline_conn_id}/"
    return Asset(
        name=f"{prefix}{path}",
        uri=f"{SCHEME}://{stageline_conn_id}/{path}",
        group="ml-model",
        watchers=watchers,
    )


def dataset_asset(url: str, name: str | None = None) -> Asset:
    """Data that models are trained on, at a URL: an event of it may start a retraining."""
    return Asset(name=name or url, uri=url, group="ml-dataset")


def transitions_of(context: Context) -> list[dict[str, Any]]:
    """The transitions that started this DAG run, the oldest first, each once: model, version, stage, metrics ..."""
    found: dict[str, dict[str, Any]] = {}
    events: Any = context.get("triggering_asset_events") or {}
    for told in (one for several in events.values() for one in several):
        extra: Mapping[str, Any] = told.extra or {}
        # A watcher's event wraps what its trigger said.
        values = extra.get("payload") if extra.get("from_trigger") else extra
        if isinstance(values, Mapping) and "key" in values:
            found.setdefault(str(values["key"]), dict(values))
    return sorted(found.values(), key=lambda one: (one["time"], one["key"]))


def announce(operator: Any, context: Context, version: Any) -> None:
    """Let the events of a task's outlets say what happened to the model, in the words of a watcher's."""
    outlets = [
        one
        for one in operator.outlets
        if isinstance(one, Asset) and one.uri.startswith(f"{SCHEME}://")
    ]
    if not outlets:
        return
    from airflow_provider_stageline.reaching import open_workspace, version_values
    from stageline.tasks import last_transition, transition_values

    registry = open_workspace(operator.stageline_conn_id).registry
    moved = last_transition(registry, version.name, version.version)
    told = (
        {**version_values(version), "metrics": dict(version.facts.metrics)}
        if moved is None
        else transition_values(registry, moved)
    )
    for outlet in outlets:
        context["outlet_events"][outlet].extra = dict(told)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Refuse what is no URI of a model: `stageline://<connection>/models/<name>` with or without a stage."""
    parts = uri.path.split("/")
    if not uri.netloc or len(parts) not in (3, 4) or parts[1] != "models" or not all(parts[2:]):
        raise ValueError(
            f"{uri.geturl()!r} names no model: expected stageline://<connection>/models/<name>/<stage>"
        )
    return uri


def to_openlineage(asset: Asset, lineage_context: Any) -> Any:
    """The asset as a dataset of OpenLineage: in the namespace of its store, as the registry's own events have it."""
    from urllib.parse import urlsplit

    from airflow.providers.common.compat.openlineage.facet import Dataset

    from airflow_provider_stageline.openlineage import namespace_of_connection

    uri = urlsplit(asset.uri)
    return Dataset(namespace=namespace_of_connection(uri.netloc), name=unquote(uri.path).strip("/"))
