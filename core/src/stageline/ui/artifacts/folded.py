"""JSON as a tree that can be folded: a bounded number of nodes, whatever the file holds."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

MOST_BYTES = 1 << 20
MOST_NODES = 3_000
MOST_IN_ONE = 200
"""Members of one list or object that are shown."""
DEEPEST = 40
OPEN_DEPTH = 2
"""How deep the tree is unfolded at first."""
LONGEST = 1_000


class Node(NamedTuple):
    """A value, with the key or place that leads to it."""

    key: str
    kind: str
    """object, array, string, number, boolean or null."""
    text: str
    """Of a plain value as JSON writes it; of an object or a list, how many are in it."""
    children: list[Node]
    left_out: int
    """Members that are not shown."""
    is_open: bool


def folded(text: str) -> Node | None:
    """The tree; None if it is no JSON. NaN and infinities are taken, as Python writes them."""
    try:
        value = json.loads(text)
        return _Folding().node("", value, 0)
    except (ValueError, RecursionError):
        return None


class _Folding:
    def __init__(self) -> None:
        self._left = MOST_NODES

    def node(self, key: str, value: Any, depth: int) -> Node:
        self._left -= 1
        if isinstance(value, dict):
            members = [(str(name), one) for name, one in value.items()]
            return self._container(key, "object", members, depth)
        if isinstance(value, list):
            members = [(str(place), one) for place, one in enumerate(value)]
            return self._container(key, "array", members, depth)
        return Node(key, _kind(value), _cut(json.dumps(value, ensure_ascii=False)), [], 0, False)

    def _container(self, key: str, kind: str, members: list[tuple[str, Any]], depth: int) -> Node:
        children: list[Node] = []
        for name, one in members[:MOST_IN_ONE]:
            if self._left <= 0 or depth >= DEEPEST:
                break
            children.append(self.node(name, one, depth + 1))
        count = len(members)
        noun = "key" if kind == "object" else "item"
        said = f"{count:,} {noun}{'' if count == 1 else 's'}"
        return Node(key, kind, said, children, count - len(children), depth < OPEN_DEPTH)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
