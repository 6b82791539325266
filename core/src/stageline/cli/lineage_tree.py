"""A lineage graph as two trees on the terminal: what a thing came from, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stageline.cli.render import moment
from stageline.cli.tables import print_heading
from stageline.domain.graph import EdgeKind, NodeKind
from stageline.lineage.export.captions import caption, shown

if TYPE_CHECKING:
    from stageline.domain.graph import Edge, LineageGraph, Node

_KINDS = {NodeKind.VERSION: "version"}
_COMMIT = 10
_UP = {
    EdgeKind.READ: "read",
    EdgeKind.NESTED: "within",
    EdgeKind.CACHED: "result of",
    EdgeKind.LOGGED: "logged by",
    EdgeKind.REGISTERED: "registered from",
    EdgeKind.LOADED: "loaded",
    EdgeKind.COPIED: "copied from",
    EdgeKind.IN_STAGE: "holds",
    EdgeKind.DEPLOYED: "runs",
}
_DOWN = {
    EdgeKind.READ: "read by",
    EdgeKind.NESTED: "contains",
    EdgeKind.CACHED: "spared",
    EdgeKind.LOGGED: "logged",
    EdgeKind.REGISTERED: "registered as",
    EdgeKind.LOADED: "loaded by",
    EdgeKind.COPIED: "copied to",
    EdgeKind.IN_STAGE: "in stage",
    EdgeKind.DEPLOYED: "deployed to",
}


def print_tree(graph: LineageGraph) -> None:
    """Print what was asked about, and a tree each way; what was told before is only named again."""
    targets = sorted(
        map(graph.node, graph.targets), key=lambda node: node.kind is not NodeKind.STAGE
    )
    print("\n".join(map(line_of, targets)))
    for heading, up in (("came from", True), ("came of it", False)):
        told: set[str] = set()
        lines: list[str] = []
        for target in targets:
            if target.id in told:
                continue
            is_named = len(targets) > 1
            branches = list(_branches(graph, target.id, "   " if is_named else "", told, up=up))
            lines += [line_of(target), *branches] if branches and is_named else branches
        if lines:
            print_heading(heading)
            print("\n".join(lines))
    if graph.is_cut:
        print("\n... there is more: ask about less, or with a smaller --depth")


def line_of(node: Node) -> str:
    """One node on one line."""
    told = node.attributes
    parts = [f"{_KINDS.get(node.kind, node.kind.value)} {caption(node)}"]
    if node.kind is NodeKind.RUN:
        parts += [told.get("run_id", "")[:12], told.get("status", "")]
        if "commit" in told:
            dirty = "+" if told.get("is_dirty") == "true" else ""
            parts.append(f"commit {told['commit'][:_COMMIT]}{dirty}")
        task = ".".join(told[key] for key in ("pipeline", "task") if key in told)
        if "orchestrator" in told:
            parts.append(f"{told['orchestrator']} {task}")
        if "start_time" in told:
            parts.append(moment(int(told["start_time"])))
    elif node.kind is NodeKind.VERSION:
        parts.append(told.get("stage", ""))
        parts += [f"@{alias}" for alias in told.get("aliases", "").split(",") if alias]
    elif node.kind is NodeKind.DEPLOYMENT:
        parts.append(node.links.get("deployment", ""))
    return "  ".join(shown(part) for part in parts if part)


def _branches(
    graph: LineageGraph, node_id: str, indent: str, told: set[str], *, up: bool
) -> Iterator[str]:
    # By hand, not by recursion: a chain may be longer than Python's stack.
    stack = [(iter(_edges(graph, node_id, up=up)), indent)]
    seen = {node_id}
    while stack:
        edges, indent = stack[-1]
        edge = next(edges, None)
        if edge is None:
            stack.pop()
            continue
        far = edge.source if up else edge.target
        words = (_UP if up else _DOWN)[edge.kind]
        is_new = far not in seen
        again = "" if is_new or not _edges(graph, far, up=up) else "  (see above)"
        yield f"{indent}{words}: {line_of(graph.node(far))}{again}"
        if is_new:
            seen.add(far)
            told.add(far)
            stack.append((iter(_edges(graph, far, up=up)), f"{indent}   "))


def _edges(graph: LineageGraph, node_id: str, *, up: bool) -> list[Edge]:
    return graph.sources(node_id) if up else graph.results(node_id)
