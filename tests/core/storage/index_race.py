"""One of many processes that work on one index at once.

Run as: index_race.py fold URL | index_race.py refresh URL FILE. Waits for its standard input to close, so that all
start together. `refresh` prints what its projection holds in the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

from indexed_runs import EXPERIMENT

from stageline.domain.run import ViewType
from stageline.storage.index import ExperimentIndex
from stageline.storage.open import open_store
from stageline.storage.projection import Projection


def fold(index: ExperimentIndex) -> None:
    for _ in range(3):
        index.fold()


def refresh(index: ExperimentIndex, path: Path) -> None:
    with Projection(path, EXPERIMENT) as projection:
        for _ in range(5):
            while not projection.apply(index.changes(projection.state())):
                pass
        hits = projection.select((), (), ViewType.ALL, limit=100_000)
        starts = sum(summary.started[0] for summary in projection.load([h.run_id for h in hits]))
        print(len(hits), starts)


if __name__ == "__main__":
    index = ExperimentIndex(open_store(sys.argv[2]), EXPERIMENT)
    sys.stdin.read()
    if sys.argv[1] == "fold":
        fold(index)
    else:
        refresh(index, Path(sys.argv[3]))
