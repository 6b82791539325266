"""What of a node is written into a drawing: short, on one line, and nothing that a page or a terminal would obey."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stageline.domain.graph import LineageGraph, NodeKind

if TYPE_CHECKING:
    from stageline.domain.graph import Node

LONGEST = 80
_DIGEST = 8
# Controls, formats (which turn the direction of writing), halves of characters, and ends of lines and paragraphs.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def caption(node: Node) -> str:
    """The node in a few words."""
    digest = node.attributes.get("digest", "")
    if node.kind is NodeKind.DATASET and digest:
        text = f"{shown(node.label)} @{shown(digest)[:_DIGEST]}"
    else:
        text = shown(node.label)
    return f"{text} (gone)" if node.is_missing else text


def shown(text: str) -> str:
    """`text` on one line, cut if it is long.

    >>> shown("a\\nb\\u202ec")
    'a b?c'
    """
    plain = "".join(
        " " if one in "\t\r\n" else "?" if unicodedata.category(one) in _UNSEEN else one
        for one in text
    )
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def page_of(node: Node) -> str | None:
    """A page about the node that a browser may open; None if there is none, or a link of another kind."""
    for _, url in sorted(node.links.items()):
        if is_page(url):
            return url
    return None


def is_page(url: str) -> bool:
    """Whether a browser goes somewhere by it, rather than run it."""
    try:
        return urlsplit(url).scheme.lower() in ("http", "https") and url.isprintable()
    except ValueError:  # such as brackets that hold no address
        return False


def nearest(graph: LineageGraph, most: int) -> LineageGraph:
    """At most `most` of the nodes: what was asked about, and the nearest to it."""
    if len(graph) <= most:
        return graph
    far = graph.distances(graph.targets)
    order = sorted(graph.nodes, key=lambda node: far.get(node.id, len(graph)))
    return LineageGraph.of(order[:most], graph.edges, graph.targets, is_cut=True)
