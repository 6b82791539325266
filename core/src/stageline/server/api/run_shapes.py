"""Runs with their attempts, and lineage, as JSON. Times are Unix milliseconds."""

from __future__ import annotations

from typing import Any

from stageline.domain.graph import EdgeKind, NodeKind
from stageline.domain.run import LifecycleStage, RunStatus
from stageline.server.api.shape import Shape


class Attempt(Shape):
    """One try of a run that its orchestrator may try again."""

    number: int
    status: RunStatus
    start_time: int
    end_time: int | None = None
    reason: str | None = None
    """Why it failed or was killed: the exception."""
    links: dict[str, str]
    """The orchestrator's pages, by what they are."""


class Attempts(Shape):
    """All tries of a run, the first one first."""

    run_id: str
    attempts: list[Attempt]


class RunInfo(Shape):
    """What is true of a run whatever it measures."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: RunStatus
    start_time: int
    end_time: int | None
    lifecycle_stage: LifecycleStage
    reason: str | None = None
    parent_run_id: str | None = None
    attempts: list[Attempt]


class RunPage(Shape):
    """Some of the runs that were started within one."""

    runs: list[RunInfo]
    next_page_token: str | None = None


class Node(Shape):
    """One thing in a graph."""

    id: str
    kind: NodeKind
    label: str
    attributes: dict[str, str]
    links: dict[str, str]
    is_missing: bool = False


class Edge(Shape):
    """From what was there first to what came of it."""

    source: str
    target: str
    kind: EdgeKind


class Graph(Shape):
    """What came from what."""

    format: str
    nodes: list[Node]
    edges: list[Edge]
    targets: list[str]
    is_cut: bool = False


class OpenLineageEvents(Shape):
    """Events of OpenLineage, in the order of their times."""

    events: list[dict[str, Any]]
