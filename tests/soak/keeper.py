"""A process that syncs, folds, searches, collects and verifies, without end: `keeper.py URL DIARY SEED`."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from diary import Diary

from stageline import Workspace
from stageline.domain.run import ViewType
from stageline.errors import Conflict, StorageFailed
from stageline.storage.index_changes import IndexLost

GRACE_S = 90.0
"""Longer than any call takes here: requests are repeated for half a minute, and SeaweedFS is not away so long."""
RESTS_S = 0.3


def sync(workspace: Workspace) -> int:
    return len(workspace.sync())


def fold(workspace: Workspace) -> int:
    done = 0
    for experiment in workspace.experiments.list(ViewType.ALL):
        index = workspace.index.index(experiment.experiment_id)
        try:
            done += index.fold()
        except IndexLost:
            index.rebuild(lambda one=experiment: workspace.runs.summaries(one.experiment_id))
    return done


def collect(workspace: Workspace) -> int:
    collector = workspace.collector()
    done = collector.collect(collector.due(GRACE_S))
    collector.mark(collector.plan(0.0))
    return len(done.runs)


def search(workspace: Workspace) -> int:
    known = [one.experiment_id for one in workspace.experiments.list(ViewType.ALL)]
    return len(workspace.search_runs(known, "metrics.loss > 0", max_results=100))


def verify(workspace: Workspace) -> int:
    proofs = workspace.registry.verify_all()
    assert all(proof.is_intact for proof in proofs), proofs
    return len(proofs)


TASKS: list[Callable[[Workspace], int]] = [sync, sync, fold, collect, search, verify]


def main() -> None:
    url, diary, seed = sys.argv[1:]
    kept, chance = Diary(Path(diary)), random.Random(seed)
    workspace = Workspace.open(url)
    while True:
        task = chance.choice(TASKS)
        try:
            with kept.deed(task.__name__) as deed:
                deed.answer = task(workspace)
        except (StorageFailed, Conflict) as error:
            print(f"{task.__name__}: {type(error).__name__}: {error}"[:500], flush=True)
        time.sleep(RESTS_S)


if __name__ == "__main__":
    main()
