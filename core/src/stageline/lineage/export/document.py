"""The graph as JSON of our own: every node and edge with all that is known of it. It reads back as it was."""

from __future__ import annotations

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.graph import Edge, LineageGraph, Node
from stageline.errors import Corrupt

LINEAGE_FORMAT = "stageline.lineage/1"


class LineageDocument(msgspec.Struct, kw_only=True):
    """`nodes` by kind and id, `edges` by their ends, `targets` the ids of what was asked about."""

    format: str = LINEAGE_FORMAT
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    targets: tuple[str, ...] = ()
    is_cut: bool = False


def to_document(graph: LineageGraph) -> LineageDocument:
    """The graph, for whoever writes JSON."""
    return LineageDocument(
        nodes=graph.nodes, edges=graph.edges, targets=graph.targets, is_cut=graph.is_cut
    )


def to_json(graph: LineageGraph) -> bytes:
    """The document's bytes."""
    return encode_document(to_document(graph))


def from_json(data: bytes) -> LineageGraph:
    """The inverse of `to_json`.

    Raises:
        Corrupt: it is no such document, or an edge leads to a node that is not in it.
        NotAllowed: it was written by a newer version.
    """
    document, _ = decode_document(data, LineageDocument, LINEAGE_FORMAT, "a lineage graph")
    graph = LineageGraph.of(
        document.nodes, document.edges, document.targets, is_cut=document.is_cut
    )
    for edge in document.edges:
        for end in (edge.source, edge.target):
            if end not in graph:
                raise Corrupt(f"a lineage graph has an edge to {end!r}, and no such node")
    return graph
