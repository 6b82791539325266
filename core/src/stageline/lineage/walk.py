"""Walking from some things up and down, a level at a time, as far as was asked and no further than is bearable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from stageline.domain.graph import Edge, LineageGraph
from stageline.lineage.keys import DatasetKey, Key, RunKey
from stageline.lineage.neighbours import Link, links_down, links_up
from stageline.lineage.nodes import describe
from stageline.lineage.records import Records

if TYPE_CHECKING:
    from stageline.domain.run import DatasetRef

Step = Callable[[Sequence[Key], Records], Iterator[Link]]


class Direction(str, Enum):
    """Which way to go."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"

    __str__ = str.__str__


class Walk:
    """One walk. Up is walked first, so what a thing comes from is there even if what came of it is too much."""

    def __init__(self, records: Records, most_nodes: int) -> None:
        self._records = records
        self._most = most_nodes
        self._keys: dict[str, Key] = {}
        self._edges: set[Edge] = set()
        self._datasets: dict[str, DatasetRef] = {}
        self._is_cut = False

    def graph(
        self,
        seeds: Iterable[Key],
        direction: Direction,
        depth: int,
        datasets: Iterable[DatasetRef] = (),
    ) -> LineageGraph:
        """What lies `depth` links around the seeds. `datasets` are those among the seeds, as they were recorded."""
        started = list(dict.fromkeys(seeds))
        for ref in datasets:
            self._datasets[DatasetKey(ref.namespace, ref.name, ref.digest).id] = ref
        for seed in started:
            self._keys[seed.id] = seed
        if direction is not Direction.DOWN:
            self._go(links_up, started, depth)
        if direction is not Direction.UP:
            self._go(links_down, started, depth)
        self._records.load(one.run_id for one in self._keys.values() if isinstance(one, RunKey))
        return LineageGraph.of(
            (describe(key, self._records, self._datasets) for key in self._keys.values()),
            self._edges,
            (seed.id for seed in started),
            is_cut=self._is_cut or self._records.is_cut,
        )

    def _go(self, step: Step, seeds: Sequence[Key], depth: int) -> None:
        level, seen = list(seeds), {seed.id for seed in seeds}
        for _ in range(depth):
            if not level:
                return
            beyond: dict[str, Key] = {}
            for link in step(level, self._records):
                if link.dataset is not None:
                    self._datasets.setdefault(link.source.id, link.dataset)
                far = link.source if step is links_up else link.target
                if not self._has_room_for(far):
                    self._is_cut = True
                    continue
                self._keys[far.id] = far
                self._edges.add(Edge(link.source.id, link.target.id, link.kind))
                if far.id not in seen:
                    beyond[far.id] = far
            seen |= beyond.keys()
            level = list(beyond.values())

    def _has_room_for(self, key: Key) -> bool:
        return key.id in self._keys or len(self._keys) < self._most
