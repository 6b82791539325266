"""The graph as OpenLineage events: a START and an end for each run, its datasets and models as inputs and outputs.

The specification is at https://openlineage.io/spec/2-0-2/OpenLineage.json. It knows no models: a version is a dataset
of the store's namespace, with a facet of our own. Facets of our own have their schemas beside this file.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stageline.domain.graph import EdgeKind, NodeKind
from stageline.domain.run import RunStatus
from stageline.lineage.export.openlineage_facets import Facets, job_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.domain.graph import LineageGraph, Node

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_ENDS = {
    RunStatus.FINISHED.value: "COMPLETE",
    RunStatus.FAILED.value: "FAIL",
    RunStatus.KILLED.value: "ABORT",
}
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999."""
_INPUTS = (EdgeKind.READ, EdgeKind.LOADED)
_OUTPUTS = (EdgeKind.REGISTERED, EdgeKind.LOGGED)


def to_openlineage(graph: LineageGraph, store_url: str) -> list[dict[str, Any]]:
    """Events in the order of their times: of each run that is there, and of each version that none of them touched.

    Args:
        graph: Any graph of lineage.
        store_url: The namespace of jobs and models, and of datasets that have none; without credentials.
    """
    # Late: what is installed is read in milliseconds, and by few.
    from importlib.metadata import version

    facets = Facets(f"pkg:pypi/stageline@{version('stageline')}", namespace_of(store_url))
    events: list[dict[str, Any]] = []
    touched: set[str] = set()
    for node in graph.of_kind(NodeKind.RUN):
        if not node.is_missing:
            events += _run_events(node, graph, facets)
            touched |= {edge.source for edge in graph.sources(node.id)}
            touched |= {edge.target for edge in graph.results(node.id)}
    for node in graph.of_kind(NodeKind.VERSION):
        is_elsewhere = "store" in node.attributes
        if node.id not in touched and not node.is_missing and not is_elsewhere:
            events.append(_version_event(node, graph, facets))
    return sorted(events, key=lambda event: str(event["eventTime"]))


def namespace_of(store_url: str) -> str:
    """A store's URL as a namespace: one in a folder has the scheme of files.

    >>> namespace_of("/data/mlstore"), namespace_of("s3://bucket/ml")
    ('file:///data/mlstore', 's3://bucket/ml')
    """
    return store_url if "://" in store_url else f"file://{store_url}"


def run_uuid(run_id: str) -> str:
    """A run's id as the specification wants it: the same digits, or for an id of another form a UUID made of it.

    >>> run_uuid("0190a0b0c0d07abc8def001122334455")
    '0190a0b0-c0d0-7abc-8def-001122334455'
    """
    try:
        return str(uuid.UUID(hex=run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stageline:{run_id}"))


def _run_events(node: Node, graph: LineageGraph, facets: Facets) -> Iterator[dict[str, Any]]:
    told = node.attributes
    started = int(told.get("start_time", "0"))
    common = {
        "producer": facets.producer,
        "schemaURL": f"{SPEC}RunEvent",
        "job": {
            "namespace": facets.namespace,
            "name": job_name(node),
            "facets": facets.of_job(node),
        },
        "inputs": [
            _dataset(graph.node(edge.source), graph, facets)
            for edge in graph.sources(node.id)
            if edge.kind in _INPUTS
        ],
    }
    run_facets = facets.of_run(node, _parent(node, graph, facets))
    run = {"runId": run_uuid(told["run_id"]), "facets": run_facets}
    yield {"eventType": "START", "eventTime": _time(started), "run": run, "outputs": [], **common}
    end = _ENDS.get(told.get("status", ""))
    if end is None:
        return
    yield {
        "eventType": end,
        "eventTime": _time(int(told.get("end_time", started))),
        "run": {"runId": run["runId"], "facets": {**run_facets, **facets.of_failure(node)}},
        "outputs": [
            _dataset(graph.node(edge.target), graph, facets)
            for edge in graph.results(node.id)
            if edge.kind in _OUTPUTS
        ],
        **common,
    }


def _parent(node: Node, graph: LineageGraph, facets: Facets) -> dict[str, Any]:
    """The run that it is nested in, if that is in the graph: a job without its name is none."""
    for edge in graph.sources(node.id):
        parent = graph.node(edge.source)
        if edge.kind is EdgeKind.NESTED and not parent.is_missing:
            return {
                "run": {"runId": run_uuid(parent.attributes["run_id"])},
                "job": {"namespace": facets.namespace, "name": job_name(parent)},
            }
    return {}


def _version_event(node: Node, graph: LineageGraph, facets: Facets) -> dict[str, Any]:
    return {
        "eventTime": _time(int(node.attributes.get("creation_time", "0"))),
        "producer": facets.producer,
        "schemaURL": f"{SPEC}DatasetEvent",
        "dataset": _dataset(node, graph, facets),
    }


def _dataset(node: Node, graph: LineageGraph, facets: Facets) -> dict[str, Any]:
    told = node.attributes
    match node.kind:
        case NodeKind.VERSION:
            name = f"models/{told['name']}/versions/{told['version']}"
            deployed = [
                graph.node(edge.target).label
                for edge in graph.results(node.id)
                if edge.kind is EdgeKind.DEPLOYED
            ]
            about = facets.of_version(node, deployed)
            return {"namespace": facets.namespace, "name": name, "facets": about}
        case NodeKind.MODEL:
            name = f"runs/{told['run_id']}/{told['path']}" if "run_id" in told else told["path"]
            return {"namespace": facets.namespace, "name": name, "facets": {}}
        case _:
            return {
                "namespace": told.get("namespace") or facets.namespace,
                "name": told["name"],
                "facets": facets.of_dataset(node),
            }


def _time(milliseconds: int) -> str:
    # Whoever begins a run may claim any time for it.
    moment = datetime.fromtimestamp(min(max(milliseconds, 0), _LAST_MS) / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
