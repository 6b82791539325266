"""How the cost of tracking and searching grows with the runs of an experiment, with its inbox, and with experiments."""

from __future__ import annotations

import shutil
from pathlib import Path

from growth.cost import Cost, cost_of
from growth.stores import bucket, filled, left_in_inbox, opened
from population import FILTER, ORDER, PAGE

from stageline import Workspace
from stageline.storage.index import ExperimentIndex
from stageline.tracking.active import ActiveRun
from stageline.tracking.index_copies import FOLD_ABOVE, IndexCopies
from stageline.tracking.search import RunSearch


def runs(size: int, folder: Path) -> list[Cost]:
    """An experiment of `size` runs, folded."""
    store = bucket("runs")
    workspace = opened(store, folder / "warm")
    experiment_id, like = filled(workspace, size)
    found = [
        _cold(workspace, [experiment_id], folder, times=1 if size > 10_000 else 3),
        *_warm(workspace, [experiment_id]),
        cost_of("list, first 100", store, lambda: _first(workspace, experiment_id)),
    ]
    left_in_inbox(workspace, experiment_id, like, FOLD_ABOVE)
    index = ExperimentIndex(store, experiment_id, workspace.clock)
    found.append(cost_of(f"compact {FOLD_ABOVE}", store, index.fold, times=1))
    started: list[ActiveRun] = []
    found.append(
        cost_of("start a run", store, lambda: started.append(_start(workspace, experiment_id)))
    )
    found.append(cost_of("end a run", store, lambda: started.pop().end()))
    return found


def inbox(size: int, folder: Path) -> list[Cost]:
    """A thousand runs folded, and `size` that ended a moment ago: before folding, and until they are swept."""
    IndexCopies.fold_if_full = lambda *_: None  # type: ignore[method-assign]  # by hand, below
    store = bucket("inbox")
    workspace = opened(store, folder / "warm")
    experiment_id, like = filled(workspace, 1_000)
    left_in_inbox(workspace, experiment_id, like, size)
    found = [
        _cold(workspace, [experiment_id], folder, times=1),
        *_warm(workspace, [experiment_id]),
        cost_of("compact", store, ExperimentIndex(store, experiment_id).fold, times=1),
    ]
    found += [one._replace(step="search, folded") for one in _warm(workspace, [experiment_id])]
    ExperimentIndex(store, experiment_id, grace_s=0).fold()
    found += [one._replace(step="search, swept") for one in _warm(workspace, [experiment_id])]
    return found


def experiments(size: int, folder: Path) -> list[Cost]:
    """`size` experiments of 100 runs, searched together."""
    store = bucket("experiments")
    workspace = opened(store, folder / "warm")
    ids = [filled(workspace, 100, f"sweep-{number}")[0] for number in range(size)]
    return [
        _cold(workspace, ids, folder, times=1 if size > 10 else 3),
        *_warm(workspace, ids),
        cost_of("list the experiments", store, lambda: workspace.experiments.list()),
    ]


def _cold(workspace: Workspace, ids: list[str], folder: Path, *, times: int) -> Cost:
    store = workspace.store
    assert hasattr(store, "counted")
    places = iter(range(times))

    def search() -> None:
        fresh = RunSearch(store, folder / f"cold-{next(places)}", workspace.clock, lambda _: [])
        fresh.search(ids, FILTER, max_results=PAGE, order_by=[ORDER])
        fresh.close()

    found = cost_of("search, cold", store, search, times=times)
    for place in folder.glob("cold-*"):
        shutil.rmtree(place)
    return found


def _warm(workspace: Workspace, ids: list[str]) -> list[Cost]:
    store = workspace.store
    assert hasattr(store, "counted")

    def search() -> None:
        assert workspace.search_runs(ids, FILTER, max_results=PAGE, order_by=[ORDER])

    search()
    return [cost_of("search, warm", store, search)]


def _first(workspace: Workspace, experiment_id: str) -> None:
    assert workspace.search_runs([experiment_id], max_results=PAGE)


def _start(workspace: Workspace, experiment_id: str) -> ActiveRun:
    run = workspace.runs.create(experiment_id=experiment_id)
    run.stream.ship_start()
    run.stream.publish_live()
    return run
