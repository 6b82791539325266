"""After a soak: what the diaries say was acknowledged, against what the store says. Knows nothing of who was killed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from diary import Deed, text_of, value_of

from stageline import Run, Workspace
from stageline.domain.registry_events import StageChanged
from stageline.domain.run import RunStatus, ViewType
from stageline.errors import NotFound

AT_ONCE = 8
LOOKS = 3


@dataclass
class RunTold:
    """What one run's writers meant, and of that what they were told."""

    run_id: str
    meant: dict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))
    told: dict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))


def judge_runs(workspace: Workspace, deeds: Iterable[Deed]) -> list[str]:
    """Runs that lack what was acknowledged, or hold what nobody meant, or anything twice."""
    runs, names = _by_run(deeds)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [
            what for found in pool.map(lambda run: _of_run(workspace, run), runs.values())
            for what in found
        ]  # fmt: skip
    return wrong + [
        f"run {run.info.run_id} ({run.info.run_name}) is nobody's"
        for run in _all_runs(workspace)
        if run.info.run_id not in runs and run.info.run_name not in names
    ]


def _by_run(deeds: Iterable[Deed]) -> tuple[dict[str, RunTold], set[str]]:
    """What was told of each run, and the names of those whose making was not answered."""
    runs: dict[str, RunTold] = {}
    names: set[str] = set()
    for deed in deeds:
        if deed.verb == "run":
            names.add(deed.given["name"])
        run_id = deed.answer if deed.verb == "run" else deed.given.get("run")
        if run_id:
            run = runs.setdefault(run_id, RunTold(run_id))
            what = deed.given.get("step", deed.given.get("key", deed.given.get("name", True)))
            run.meant[deed.verb].add(what)
            if deed.is_told:
                run.told[deed.verb].add(what)
    return runs, names


def _of_run(workspace: Workspace, told: RunTold) -> list[str]:
    try:
        found = workspace.runs.get(told.run_id)
    except NotFound:
        # Deleted may be collected; and if the answer of the deletion was lost, too.
        return [] if told.meant["delete"] else [f"run {told.run_id} is gone"]
    wrong: list[str] = []
    batches = {step + more for step in told.told["batch"] for more in range(10)}
    maybe = {step + more for step in told.meant["batch"] for more in range(10)}
    for key, must, may in (
        ("loss", told.told["point"], told.meant["point"]),
        ("batch", batches, maybe),
    ):
        wrong += _of_series(workspace, told.run_id, key, must, may)
    for verb, has in (("param", found.data.params), ("tag", found.data.tags)):
        has = {key: value for key, value in has.items() if key[0] in "pt" and key[1:].isdecimal()}
        wrong += _between(verb, told.told[verb], set(has), told.meant[verb])
        wrong += [f"{verb} {key} is {value}" for key, value in has.items() if value != key[1:]]
    for name in told.told["file"]:
        if workspace.artifacts(told.run_id).read(name).decode() != text_of(told.run_id, name):
            wrong.append(f"file {name} is another")
    status = found.info.status
    if told.told["end"] and status is not RunStatus.FINISHED:
        wrong.append(f"has ended, and is {status}")
    if not told.meant["end"] and status is RunStatus.FINISHED:
        wrong.append("has not ended, and is FINISHED")
    is_deleted = found.info.lifecycle_stage == "deleted"
    if (told.told["delete"] and not is_deleted) or (is_deleted and not told.meant["delete"]):
        wrong.append(f"is {found.info.lifecycle_stage}")
    return [f"run {told.run_id}: {what}" for what in wrong]


def _of_series(
    workspace: Workspace, run_id: str, key: str, must: set[int], may: set[int]
) -> list[str]:
    points = workspace.runs.metric_history(run_id, key)
    counts = Counter(point.step for point in points)
    wrong = _between(key, must, set(counts), may)
    wrong += [f"{key} has step {step} {count} times" for step, count in counts.items() if count > 1]
    wrong += [
        f"{key} is {point.value} at step {point.step}"
        for point in points
        if point.value != value_of(run_id, point.step)
    ]
    return wrong


def _between(what: str, must: set[Any], found: set[Any], may: set[Any]) -> list[str]:
    lost = [f"{what} {one} is lost" for one in sorted(must - found)]
    return lost + [f"{what} {one} is invented" for one in sorted(found - may)]


def _all_runs(workspace: Workspace) -> list[Run]:
    found: list[Run] = []
    for experiment in workspace.experiments.list(ViewType.ALL):
        token = None
        while True:
            page = workspace.search_runs(
                [experiment.experiment_id], view=ViewType.ALL, page_token=token
            )
            found += page
            token = page.token
            if not token:
                break
    return found


def judge_index(workspace: Workspace) -> list[str]:
    """Runs of which a search says other than they themselves; then again with indexes that are made anew."""
    wrong = _index_against_runs(workspace, "")
    for experiment in workspace.experiments.list(ViewType.ALL):
        index = workspace.index.index(experiment.experiment_id)
        if not index.rebuild(lambda one=experiment: workspace.runs.summaries(one.experiment_id)):  # type: ignore[misc]
            wrong.append(f"the index of {experiment.experiment_id} is written by somebody")
    return wrong + _index_against_runs(workspace, "rebuilt, ")


def _index_against_runs(workspace: Workspace, how: str) -> list[str]:
    found = {run.info.run_id: run for run in _all_runs(workspace)}
    kept = {entry.key.split("/")[1] for entry in workspace.store.list("runs/", deep=False)}

    def compared(run_id: str) -> list[str]:
        try:
            run = workspace.runs.get(run_id)
        except NotFound:  # half collected, or a claim that nothing followed
            return [f"{how}search finds {run_id}, which is gone"] if run_id in found else []
        if run_id not in found:
            return [f"{how}search misses run {run_id}"]
        # To look at a run ends it if its process vanished, which is known only after minutes of silence: that moment
        # may lie between any two looks, but not between all of them.
        shown, looks = found[run_id], 0
        while shown != run and looks < LOOKS:
            run, looks = workspace.runs.get(run_id), looks + 1
            (shown,) = _searched(workspace, run) or [shown]
        if shown == run:
            return []
        return [f"{how}search shows run {run_id} as it is not: {shown} for {run}"]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [one for each in pool.map(compared, sorted(kept | set(found))) for one in each]


def _searched(workspace: Workspace, run: Run) -> list[Run]:
    return list(
        workspace.search_runs(
            [run.info.experiment_id], f"attributes.run_id = '{run.info.run_id}'", view=ViewType.ALL
        )
    )


def judge_registry(workspace: Workspace, deeds: Iterable[Deed]) -> list[str]:
    """Models with gaps, versions that are lost, invented or given twice, and moves that did not happen once."""
    meant: dict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        if deed.verb in ("register", "stage", "alias"):
            meant[deed.given["model"]].append(deed)
    return [
        f"{name}: {what}"
        for name, of_model in sorted(meant.items())
        for what in _of_model(workspace, name, of_model)
    ]


def _of_model(workspace: Workspace, name: str, deeds: list[Deed]) -> list[str]:
    registry = workspace.registry
    if registry.find(name) is None:
        return ["is gone"] if any(deed.is_told for deed in deeds) else []
    proof, state = registry.verify(name), registry.state(name)
    wrong = [] if proof.is_intact else [proof.problem]
    if state.numbers() != list(range(1, len(state.numbers()) + 1)):
        wrong.append(f"its versions have gaps: {state.numbers()}")
    sources = {version.version: version.source for version in state.all_versions()}
    doubled = [source for source, count in Counter(sources.values()).items() if count > 1]
    wrong += [f"{source} is there twice" for source in doubled]
    asked = {deed.given["source"] for deed in deeds if deed.verb == "register"}
    wrong += [f"{source} is nobody's" for source in sources.values() if source not in asked]
    moves = Counter(
        entry.reason
        for entry in registry.history(name)
        if any(isinstance(event, StageChanged) for event in entry.events)
    )
    for deed in deeds:
        given = deed.given
        if deed.verb == "register" and deed.is_told:
            if sources.get(deed.answer) != given["source"]:
                wrong.append(f"version {deed.answer} is not {given['source']}")
        elif deed.verb == "stage":
            if moves[given["reason"]] not in ((1,) if deed.is_told else (0, 1)):
                wrong.append(f"{given} happened {moves[given['reason']]} times")
        elif (
            deed.verb == "alias"
            and deed.is_told
            and state.aliases.get(given["alias"]) != given["version"]
        ):
            wrong.append(f"alias {given} is lost")
    if len(state.holding("Production")) > 1:
        wrong.append(f"Production is held by {state.holding('Production')}")
    return wrong
