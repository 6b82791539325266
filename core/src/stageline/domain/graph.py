"""The lineage graph as a value: nodes, edges, what lies up and down of a node, the union of two graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cached_property

import msgspec

from stageline.errors import NotFound


class NodeKind(str, Enum):
    """What a node is; in the order in which things come about."""

    DATASET = "dataset"
    RUN = "run"
    MODEL = "model"
    """A model's folder: one that a run logged and nobody registered, or one from elsewhere."""
    VERSION = "model_version"
    STAGE = "stage"
    DEPLOYMENT = "deployment"

    __str__ = str.__str__


class EdgeKind(str, Enum):
    """What happened between two nodes; the later one is the target."""

    READ = "read"
    """A run read a dataset."""
    NESTED = "nested"
    """A run was started within another."""
    CACHED = "cached"
    """A run was spared, since another had made its result."""
    LOGGED = "logged"
    """A run logged a model."""
    REGISTERED = "registered"
    """A run's model, or one from elsewhere, became a version."""
    LOADED = "loaded"
    """A run loaded a model."""
    COPIED = "copied"
    """A version was made from another."""
    IN_STAGE = "in_stage"
    """A version is in a stage."""
    DEPLOYED = "deployed"
    """A version runs somewhere."""

    __str__ = str.__str__


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing. `id` is the same wherever the same thing is met."""

    id: str
    kind: NodeKind
    label: str
    attributes: dict[str, str] = {}
    """What is recorded of it: a run's commit and task, a dataset's digest. Times are Unix milliseconds, as text."""
    links: dict[str, str] = {}
    """Pages about it, by what they are: the orchestrator's page of the task, a deployment's URL."""
    is_missing: bool = False
    """It is spoken of, and is not there any more."""


class Edge(msgspec.Struct, frozen=True, order=True):
    """From what was there first to what came of it; both are ids of nodes."""

    source: str
    target: str
    kind: EdgeKind


class LineageGraph(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Nodes in the order of their kinds and ids, edges in the order of their ends. May have cycles."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    targets: tuple[str, ...] = ()
    """What the graph was asked about."""
    is_cut: bool = False
    """Whether there is more, and it was left out for its number."""

    @classmethod
    def of(
        cls,
        nodes: Iterable[Node],
        edges: Iterable[Edge],
        targets: Iterable[str] = (),
        *,
        is_cut: bool = False,
    ) -> LineageGraph:
        """A graph in order, each thing once; edges and targets that lead out of it are left out."""
        kept: dict[str, Node] = {}
        for node in nodes:
            known = kept.get(node.id)
            kept[node.id] = node if known is None else max(known, node, key=_fullness)
        return cls(
            nodes=tuple(sorted(kept.values(), key=_place)),
            edges=tuple(sorted({e for e in edges if e.source in kept and e.target in kept})),
            targets=tuple(sorted({one for one in targets if one in kept})),
            is_cut=is_cut,
        )

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._by_id

    def node(self, node_id: str) -> Node:
        """The node. Raises `NotFound`."""
        found = self._by_id.get(node_id)
        if found is None:
            raise NotFound(
                f"the graph has no node {node_id!r}; it has {len(self)}, such as "
                f"{', '.join(sorted(self._by_id)[:5]) or 'none'}"
            )
        return found

    def of_kind(self, kind: NodeKind) -> list[Node]:
        """The nodes of one kind."""
        return [node for node in self.nodes if node.kind is kind]

    def sources(self, node_id: str) -> list[Edge]:
        """The edges that lead to a node. Raises `NotFound`."""
        return self._into.get(self.node(node_id).id, [])

    def results(self, node_id: str) -> list[Edge]:
        """The edges that lead from a node. Raises `NotFound`."""
        return self._out_of.get(self.node(node_id).id, [])

    def upstream(self, node_id: str, depth: int | None = None) -> LineageGraph:
        """The node and all that it came from, at most `depth` edges away. Raises `NotFound`."""
        return self._around(node_id, depth, up=True, down=False)

    def downstream(self, node_id: str, depth: int | None = None) -> LineageGraph:
        """The node and all that came of it, at most `depth` edges away. Raises `NotFound`."""
        return self._around(node_id, depth, up=False, down=True)

    def within(self, node_id: str, depth: int) -> LineageGraph:
        """The node and what is at most `depth` edges away, whichever way they point. Raises `NotFound`."""
        return self._around(node_id, depth, up=True, down=True)

    def merge(self, other: LineageGraph) -> LineageGraph:
        """Both together. Commutative, associative, idempotent; of a node that both have, the fuller one stays."""
        return LineageGraph.of(
            (*self.nodes, *other.nodes),
            (*self.edges, *other.edges),
            (*self.targets, *other.targets),
            is_cut=self.is_cut or other.is_cut,
        )

    def distances(self, starts: Iterable[str]) -> dict[str, int]:
        """Node -> the number of edges, whichever way they point, to the nearest of `starts`; only what is connected."""
        return self._reached(starts, None, up=True, down=True)

    def _around(self, node_id: str, depth: int | None, *, up: bool, down: bool) -> LineageGraph:
        near = self._reached([self.node(node_id).id], depth, up=up, down=down)
        return LineageGraph.of(
            (node for node in self.nodes if node.id in near),
            self.edges,
            [node_id],
            is_cut=self.is_cut,
        )

    def _reached(
        self, starts: Iterable[str], depth: int | None, *, up: bool, down: bool
    ) -> dict[str, int]:
        level = [one for one in starts if one in self._by_id]
        reached = dict.fromkeys(level, 0)
        steps = 0
        while level and (depth is None or steps < depth):
            steps += 1
            beyond: list[str] = []
            for one in level:
                if up:
                    beyond += [edge.source for edge in self._into.get(one, ())]
                if down:
                    beyond += [edge.target for edge in self._out_of.get(one, ())]
            level = [one for one in dict.fromkeys(beyond) if one not in reached]
            reached.update(dict.fromkeys(level, steps))
        return reached

    @cached_property
    def _by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def _into(self) -> Mapping[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.target, []).append(edge)
        return found

    @cached_property
    def _out_of(self) -> Mapping[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return found


_RANKS = {kind: rank for rank, kind in enumerate(NodeKind)}


def _place(node: Node) -> tuple[int, str]:
    return _RANKS[node.kind], node.id


def _fullness(node: Node) -> tuple[bool, int, bytes]:
    """What is there tells more than what is missing; the rest is only to decide alike everywhere."""
    told = len(node.attributes) + len(node.links)
    return not node.is_missing, told, msgspec.json.encode(node, order="sorted")
