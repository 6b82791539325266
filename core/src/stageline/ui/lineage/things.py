"""What is drawn of a lineage graph: its nodes, and the tasks and commits that its runs tell of as nodes too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.graph import EdgeKind, NodeKind
from stageline.lineage.export.captions import page_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.domain.graph import Edge, LineageGraph, Node

TASK, COMMIT = "task", "commit"
KINDS = {
    NodeKind.DATASET.value: "dataset",
    TASK: "task",
    COMMIT: "commit",
    NodeKind.RUN.value: "run",
    NodeKind.MODEL.value: "model",
    NodeKind.VERSION.value: "version",
    NodeKind.STAGE.value: "stage",
    NodeKind.DEPLOYMENT.value: "deployment",
}
"""What each kind is called, in the order in which things come about."""
_TASK = ("orchestrator", "pipeline", "pipeline_run", "task", "task_index", "attempt")
_CODE = ("commit", "branch", "repository", "entry_point", "is_dirty")
_VERBS = {EdgeKind.IN_STAGE.value: "is in", EdgeKind.DEPLOYED.value: "runs at"}


class Thing(NamedTuple):
    """A node as it is drawn."""

    id: str
    kind: str
    label: str
    detail: str
    """A second line, in small."""
    attributes: Mapping[str, str]
    page: str | None
    """An orchestrator's or a deployment's page about it."""
    key: str
    """What the page of lineage may be asked about to see it in the middle; empty if it is no node of the store."""
    is_target: bool = False
    is_missing: bool = False
    more: int = 0
    """How many of its neighbours were left out."""


class Link(NamedTuple):
    """An edge as it is drawn."""

    source: str
    target: str
    verb: str


class Picture(NamedTuple):
    """What is drawn."""

    things: list[Thing]
    links: list[Link]
    left_out: int
    """Things that were met and are not drawn."""
    is_cut: bool
    """Whether there is more than was met."""


def picture(graph: LineageGraph, met: LineageGraph) -> Picture:
    """The things of `graph`; `met` is the same one step wider, by which it knows how many neighbours it leaves out."""
    things: list[Thing] = []
    links = [Link(e.source, e.target, verb(e)) for e in graph.edges]
    for node in graph.nodes:
        around = {e.source for e in met.sources(node.id)} | {e.target for e in met.results(node.id)}
        things.append(_thing(node, graph, sum(one not in graph for one in around)))
        for thing in _told_by(node):
            links.append(Link(thing.id, node.id, "ran" if thing.kind == TASK else "code of"))
            if all(one.id != thing.id for one in things):
                things.append(thing)
    return Picture(things, links, len(met) - len(graph), met.is_cut)


def verb(edge: Edge) -> str:
    """What happened between the ends of an edge, read from its source to its target."""
    return _VERBS.get(edge.kind.value, edge.kind.value)


def key_of(node: Node) -> str:
    """By what `Lineage.of` finds it again."""
    told = node.attributes
    match node.kind:
        case NodeKind.RUN:
            return "" if node.is_missing else told["run_id"]
        case NodeKind.DATASET:
            return f"dataset:{told['name']}@{told['digest']}"
        case NodeKind.VERSION:
            is_there = "store" not in told and not node.is_missing
            return f"models:/{told['name']}/{told['version']}" if is_there else ""
        case NodeKind.STAGE:
            return f"models:/{told['name']}/{told['stage']}"
        case NodeKind.DEPLOYMENT:
            return f"models:/{told['name']}/{told['version']}" if "version" in told else ""
        case NodeKind.MODEL:
            return f"runs:/{told['run_id']}/{told['path']}" if "run_id" in told else ""


def _thing(node: Node, graph: LineageGraph, more: int) -> Thing:
    return Thing(
        id=node.id,
        kind=node.kind.value,
        label=shown(node.label),
        detail=_detail(node),
        attributes=node.attributes,
        page=page_of(node),
        key=key_of(node),
        is_target=node.id in graph.targets,
        is_missing=node.is_missing,
        more=more,
    )


def _detail(node: Node) -> str:
    told = node.attributes
    if node.is_missing:
        return "gone"
    match node.kind:
        case NodeKind.RUN:
            return f"run, {told.get('status', '').lower()}"
        case NodeKind.DATASET:
            return f"data @{shown(told.get('digest', ''))[:8]}"
        case NodeKind.VERSION:
            return f"version, {told['stage']}" if "stage" in told else "version"
        case _:
            return KINDS[node.kind.value]


def _told_by(node: Node) -> Iterator[Thing]:
    """The orchestrator's task and the commit that a run tells of."""
    told = node.attributes
    if node.kind is not NodeKind.RUN:
        return
    if "orchestrator" in told:
        name = told.get("task") or told.get("pipeline") or told["orchestrator"]
        index = f"[{told['task_index']}]" if "task" in told and told.get("task_index") else ""
        place = "/".join(
            told.get(one, "") for one in ("orchestrator", "pipeline_run", "task", "task_index")
        )
        yield Thing(
            id=f"{TASK}:{place}",
            kind=TASK,
            label=shown(name) + shown(index),
            detail=f"{shown(told['orchestrator'])} {'task' if 'task' in told else 'pipeline'}",
            attributes={one: told[one] for one in _TASK if one in told},
            page=page_of(node),
            key="",
        )
    if "commit" in told:
        dirty = told.get("is_dirty", "").lower() == "true"
        yield Thing(
            id=f"{COMMIT}:{told.get('repository', '')}@{told['commit']}{'+' if dirty else ''}",
            kind=COMMIT,
            label=shown(told["commit"])[:8] + (" (changed)" if dirty else ""),
            detail=f"commit{', ' + shown(told['branch']) if 'branch' in told else ''}",
            attributes={one: told[one] for one in _CODE if one in told},
            page=None,
            key="",
        )
