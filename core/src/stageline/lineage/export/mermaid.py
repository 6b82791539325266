"""The graph as a Mermaid flowchart, drawn from left to right: what Markdown pages and orchestrators show."""

from __future__ import annotations

from stageline.domain.graph import EdgeKind, LineageGraph, NodeKind
from stageline.lineage.export.captions import caption, nearest

MOST_NODES = 120
"""More than a page shows with any use."""
MOST_EDGES = 400
"""Mermaid draws no chart of more than 500 edges unless its page allows that (its setting `maxEdges`)."""
MOST_CHARACTERS = 50_000
"""Nor one that is longer than this, as JavaScript counts (its setting `maxTextSize`)."""

_SHAPES = {
    NodeKind.DATASET: ('[("', '")]'),
    NodeKind.RUN: ('(["', '"])'),
    NodeKind.MODEL: ('[/"', '"/]'),
    NodeKind.VERSION: ('["', '"]'),
    NodeKind.STAGE: ('{{"', '"}}'),
    NodeKind.DEPLOYMENT: ('[["', '"]]'),
}
_PLAIN = frozenset(" -_.,:/@+=()")


def to_mermaid(graph: LineageGraph, most_nodes: int = MOST_NODES) -> str:
    """The chart's text. What is too much is left out, and a note says so."""
    chart = _chart(graph, most_nodes)
    while len(chart.encode("utf-16-le")) > 2 * MOST_CHARACTERS and most_nodes > 1:
        most_nodes //= 2
        chart = _chart(graph, most_nodes)
    return chart


def escaped(text: str) -> str:
    """`text` as it may stand between quotes: what could be a sign of Mermaid's, Markdown's or HTML's by its number.

    >>> escaped('a"]; click')
    'a#34;#93;#59; click'
    """
    return "".join(
        one if one.isalnum() or one in _PLAIN or not one.isascii() else f"#{ord(one)};"
        for one in text
    )


def _chart(graph: LineageGraph, most_nodes: int) -> str:
    drawn = nearest(graph, most_nodes)
    names = {node.id: f"n{at}" for at, node in enumerate(drawn.nodes)}
    lines = ["flowchart LR"]
    for node in drawn.nodes:
        before, after = _SHAPES[node.kind]
        name = names[node.id]
        lines.append(f"    {name}{before}{escaped(caption(node))}{after}:::{_style(node.kind)}")
    edges = drawn.edges[:MOST_EDGES]
    for edge in edges:
        line = "-.->" if edge.kind is EdgeKind.NESTED else "-->"
        words = escaped(edge.kind.value.replace("_", " "))
        lines.append(f'    {names[edge.source]} {line}|"{words}"| {names[edge.target]}')
    left_out = [
        (len(graph) - len(drawn), "nodes"),
        (len(drawn.edges) - len(edges), "edges"),
    ]
    told = " and ".join(f"{count} more {what}" for count, what in left_out if count)
    if not told and graph.is_cut:
        told = "there is more"
    if told:
        lines.append(f'    more["... {told}"]:::note')
    lines += [
        "    classDef note stroke-dasharray: 4 4",
        *(f"    class {names[one]} asked" for one in drawn.targets),
        "    classDef asked stroke-width: 3px",
    ]
    return "\n".join(lines) + "\n"


def _style(kind: NodeKind) -> str:
    return kind.value.replace("_", "")
