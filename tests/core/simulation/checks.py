"""After a history: nothing promised of runs is lost, invented or doubled, and the index says what the runs say."""

from __future__ import annotations

import json
from collections import Counter

from told import RunTold, Told

from stageline.domain.run import Run, RunStatus, ViewType
from stageline.domain.summary import merge
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.workspace import Workspace


def exists(workspace: Workspace, run_id: str) -> bool:
    try:
        workspace.runs.get(run_id)
    except NotFound:
        return False
    return True


def of_runs(workspace: Workspace, told: Told) -> list[str]:
    """Each run, as its writer was told."""
    experiments = {e.experiment_id for e in workspace.experiments.list(ViewType.ALL)}
    found = [
        f"experiment {claimed} is gone, and nobody deleted it"
        for claimed in _claimed(workspace)
        if claimed not in experiments
    ]
    for run in told.runs.values():
        if told.has_collected and _may_be_gone(run, told):
            continue  # a collector may have died half-way
        if exists(workspace, run.run_id):
            if workspace.runs.get(run.run_id).info.experiment_id not in experiments:
                found.append(f"the experiment of run {run.run_id} is gone")
            found += [f"run {run.run_id}: {what}" for what in _of_run(workspace, run)]
        else:
            found.append(f"run {run.run_id} is gone")
    for run_id, metrics in told.found_in_search:
        found += _invented_in_search(told, run_id, metrics)
    return found


def _claimed(workspace: Workspace) -> set[str]:
    """The experiments that hold a name, by the names' own journals."""
    newest: dict[str, str] = {}
    for entry in workspace.store.list(layout.EXPERIMENT_NAMES):
        newest.setdefault(entry.key.rpartition("/")[0], entry.key)
    return {
        json.loads(workspace.store.read(key))["experiment_id"] for key in sorted(newest.values())
    }


def _of_run(workspace: Workspace, told: RunTold) -> list[str]:
    run = workspace.runs.get(told.run_id)
    return [
        *_of_points(workspace, told, run),
        *_of_params(told, run),
        *_of_tags(told, run),
        *_of_status(told, run),
        *_of_files(workspace, told),
    ]


def _of_points(workspace: Workspace, told: RunTold, run: Run) -> list[str]:
    found: list[str] = []
    times: Counter[tuple[str, int]] = Counter()
    for key in sorted({key for key, _ in told.points} | set(run.data.metrics)):
        history = workspace.runs.metric_history(told.run_id, key)
        for point in history:
            times[key, point.step] += 1
            word = told.points.get((key, point.step))
            if word is None or word.value != point.value or word.outcome == "refused":
                found.append(f"point {point} was invented")
        if history and run.data.metrics.get(key) != history[-1].value:
            found.append(f"{key} is {run.data.metrics.get(key)}, and its last point {history[-1]}")
    for at, word in told.points.items():
        if word.is_promised and not times[at]:
            found.append(f"point {at} is lost")
        if times[at] > 1:
            found.append(f"point {at} is there {times[at]} times")
    return found


def _of_params(told: RunTold, run: Run) -> list[str]:
    found = [f"param {key} was invented" for key in run.data.params if key not in told.params]
    for key, word in told.params.items():
        has = run.data.params.get(key)
        if (word.is_promised and has is None) or has not in (None, word.value):
            found.append(f"param {key} is {has}, and was logged as {word}")
    return found


def _of_tags(told: RunTold, run: Run) -> list[str]:
    found = []
    for key, words in told.tags.items():
        allowed: list[str | None] = [None]
        for word in words:
            allowed = [word.value] if word.is_promised else [*allowed, word.value]
        if run.data.tags.get(key) not in allowed:
            found.append(f"tag {key} is {run.data.tags.get(key)}, and may be {allowed}")
    return found


def _of_status(told: RunTold, run: Run) -> list[str]:
    ended = told.end
    allowed = {RunStatus.KILLED}
    if ended is not None:
        allowed = (
            {RunStatus.FINISHED} if ended.is_promised else {RunStatus.FINISHED, RunStatus.KILLED}
        )
    if run.info.status not in allowed:
        return [f"is {run.info.status}, and may be {sorted(allowed)}"]
    return []


def _of_files(workspace: Workspace, told: RunTold) -> list[str]:
    found = []
    artifacts = workspace.artifacts(told.run_id)
    noted = workspace.runs.files(told.run_id)
    for path, word in told.files.items():
        if not word.is_promised and path not in noted:
            continue
        if path not in noted:
            found.append(f"file {path} is not in the manifest")
        elif artifacts.read(path) != word.value:
            found.append(f"file {path} is not what was logged")
    return found + [f"file {path} was invented" for path in noted if path not in told.files]


def _may_be_gone(run: RunTold, told: Told) -> bool:
    """Whether it was put aside, and not surely taken back: a restore that is promised stands, whoever collects."""
    said = [(is_deleted, word) for is_deleted, word in run.deletions if word.outcome != "refused"]
    if not said:
        return False
    is_deleted, word = said[-1]
    return is_deleted or not word.is_promised


def _invented_in_search(told: Told, run_id: str, metrics: dict[str, float]) -> list[str]:
    run = told.runs.get(run_id)
    if run is None:
        return []  # its writer died before it was told the id
    logged = {(key, word.value) for (key, _), word in run.points.items()}
    return [
        f"a search saw {key}={value} of run {run_id}, which nobody logged"
        for key, value in metrics.items()
        if (key, value) not in logged
    ]


def of_index(workspace: Workspace, told: Told) -> list[str]:
    """What was logged is found by a search that nobody repaired anything for."""
    ids = [e.experiment_id for e in workspace.experiments.list(ViewType.ALL)]
    found = {run.info.run_id: run for run in workspace.search_runs(ids, view=ViewType.ALL)}
    wrong = []
    for run in told.runs.values():
        if not _is_certain(run, told):
            continue
        itself, listed = workspace.runs.get(run.run_id), found.get(run.run_id)
        if listed is None:
            wrong.append(f"run {run.run_id} is not found by a search")
        elif _in_a_search(listed) != _in_a_search(itself):
            wrong.append(f"a search says of run {run.run_id} {listed}, itself {itself}")
    return wrong


def _is_certain(run: RunTold, told: Told) -> bool:
    """Whether what was said of its deletion is known to have been taken, and the run to be there."""
    said = [word for _, word in run.deletions if word.outcome != "refused"]
    if not said:
        return True
    return said[-1].is_promised and not (told.has_collected and _may_be_gone(run, told))


def _in_a_search(run: Run) -> tuple[object, ...]:
    return run.info.lifecycle_stage, run.data.metrics, run.data.params


def of_rebuilt_index(workspace: Workspace, told: Told) -> list[str]:
    """The index is the replay of what the runs themselves say."""
    wrong = []
    for experiment in workspace.experiments.list(ViewType.ALL):
        each = experiment.experiment_id
        replayed = {one.run_id: one for one in workspace.runs.summaries(each)}
        page = workspace.index.search([each], view=ViewType.ALL)
        indexed = {one.run_id: one for one in page}
        for run_id in sorted(replayed.keys() | indexed.keys()):
            if told.has_collected and run_id in told.runs and _may_be_gone(told.runs[run_id], told):
                continue
            one, other = replayed.get(run_id), indexed.get(run_id)
            if (
                one is None
                or other is None
                or merge(one, other) != one
                or merge(other, one) != other
            ):
                wrong.append(f"the index has of run {run_id} {other}, the run {one}")
    return wrong
