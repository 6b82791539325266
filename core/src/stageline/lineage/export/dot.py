"""The graph in Graphviz's language, drawn from left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.graph import EdgeKind, NodeKind
from stageline.lineage.export.captions import caption, page_of

if TYPE_CHECKING:
    from stageline.domain.graph import LineageGraph, Node

_SHAPES = {
    NodeKind.DATASET: "cylinder",
    NodeKind.RUN: "ellipse",
    NodeKind.MODEL: "folder",
    NodeKind.VERSION: "box",
    NodeKind.STAGE: "hexagon",
    NodeKind.DEPLOYMENT: "box3d",
}


def to_dot(graph: LineageGraph) -> str:
    """The whole graph; nodes carry their ids as tooltips, and http links to their pages."""
    lines = ["digraph lineage {", "    rankdir=LR;", "    node [fontname=sans];"]
    lines += [f"    {quoted(node.id)} [{_attributes(node, graph)}];" for node in graph.nodes]
    for edge in graph.edges:
        style = ", style=dashed" if edge.kind is EdgeKind.NESTED else ""
        label = quoted(edge.kind.value.replace("_", " "))
        lines.append(f"    {quoted(edge.source)} -> {quoted(edge.target)} [label={label}{style}];")
    if graph.is_cut:
        lines.append('    "more" [label="... there is more", shape=plaintext];')
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """A quoted string: a backslash begins an escape there, and an ampersand an entity.

    >>> print(quoted('say "a\\\\N" & go'))
    "say \\"a\\\\N\\" &amp; go"
    """
    plain = text.replace("\0", "?").replace("\n", " ").replace("\r", " ")
    inner = plain.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _attributes(node: Node, graph: LineageGraph) -> str:
    told = {
        "label": quoted(caption(node)),
        "tooltip": quoted(node.id),
        "shape": _SHAPES[node.kind],
    }
    page = page_of(node)
    if page is not None:
        told["URL"] = quoted(page)
    if node.is_missing:
        told["style"] = "dashed"
    elif node.id in graph.targets:
        told["style"] = "bold"
    return ", ".join(f"{name}={value}" for name, value in told.items())
