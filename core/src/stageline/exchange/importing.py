"""Another tracker's experiments, runs, models and registry, taken into a store. Twice is once."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.logged_model import input_tag, metric_tag, output_tag
from stageline.errors import StagelineError, StorageFailed
from stageline.exchange.landing import RunLanding
from stageline.exchange.landing_models import land_registered, land_rootless_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.experiment import Experiment
    from stageline.domain.logged_model import LoggedModel
    from stageline.exchange.belongings import Source, SourceFiles, SourceRegistered, SourceRun
    from stageline.workspace import Workspace

LANES = 8
"""Runs that are written at a time."""


class Imported(NamedTuple):
    """What an import did."""

    counts: dict[str, int]
    """experiments, runs, runs_new, points, files, bytes, models, registered_models, versions."""
    failures: list[tuple[str, str]]
    """What could not be taken in, and why; all else was."""
    notes: list[str]
    """What is otherwise than it was."""


class Import:
    """One import. `begin` plans it and says how many runs there are; `run` does it."""

    def __init__(
        self,
        source: Source,
        workspace: Workspace,
        *,
        with_artifacts: bool = True,
        experiments: frozenset[str] = frozenset(),
    ) -> None:
        self._source = source
        self._workspace = workspace
        self._with_artifacts = with_artifacts
        self._wanted = experiments
        self._counts: Counter[str] = Counter(
            dict.fromkeys(("experiments", "runs", "runs_new", "points", "files", "bytes"), 0)
        )
        self._failures: list[tuple[str, str]] = []
        self._notes: list[str] = []
        self._models: dict[str, LoggedModel] = {}
        self._models_of: dict[str, list[LoggedModel]] = defaultdict(list)
        self._model_files: dict[str, str] = {}
        self._counting = Lock()
        self._run_links: dict[str, dict[str, str]] = defaultdict(dict)
        self._plan: list[tuple[Experiment, list[str]]] = []

    def begin(self) -> int:
        """Look at what there is; the number of runs."""
        for experiment in self._source.experiments():
            if not self._wanted or {experiment.name, experiment.experiment_id} & self._wanted:
                self._plan.append((experiment, self._source.run_ids(experiment.experiment_id)))
        return sum(len(runs) for _, runs in self._plan)

    def run(self, told: Callable[[], None] = lambda: None) -> Imported:
        """Take all of it in; `told` is called after each run.

        Raises:
            StorageFailed: the store is away; what arrived stays, and the next import goes on from there.
        """
        homes = {one.experiment_id: self._experiment(one) for one, _ in self._plan}
        for experiment, runs in self._plan:
            self._look_at_models(experiment, homes[experiment.experiment_id], set(runs))
        self._land_all(homes, told)
        for model in self._models.values():
            self._try(f"model {model.model_id}", partial(self._adopt, model))
        if not self._wanted:
            for registered in self._source.registered():
                self._try(
                    f"registered model {registered.name}",
                    partial(self._take_registered, registered),
                )
        return Imported(dict(self._counts), self._failures, self._notes)

    # -- experiments and runs ---------------------------------------------------------------------

    def _experiment(self, experiment: Experiment) -> str:
        home = self._workspace.experiments.adopt(experiment)
        self._counts["experiments"] += 1
        if home.experiment_id != experiment.experiment_id:
            self._notes.append(
                f"experiment {experiment.name!r} has the id {home.experiment_id} here, not {experiment.experiment_id}"
            )
        return home.experiment_id

    def _land_all(self, homes: dict[str, str], told: Callable[[], None]) -> None:
        """Several runs at a time, for a remote store answers late; read one by one, as a database wants it."""
        waiting: deque[Future[None]] = deque()
        with ThreadPoolExecutor(LANES, "stageline-import") as lanes:
            for experiment, runs in self._plan:
                for run_id in runs:
                    if len(waiting) >= LANES:
                        waiting.popleft().result()
                        told()
                    step = partial(self._read_then, lanes, waiting, homes[experiment.experiment_id])
                    self._try(f"run {run_id}", partial(step, run_id))
            for landing in waiting:
                landing.result()
                told()

    def _read_then(
        self,
        lanes: ThreadPoolExecutor,
        waiting: deque[Future[None]],
        experiment_id: str,
        run_id: str,
    ) -> None:
        run = self._source.run(run_id)
        land = partial(self._land, run, experiment_id)
        waiting.append(lanes.submit(self._try, f"run {run_id}", land))

    def _land(self, run: SourceRun, experiment_id: str) -> None:
        run.tags = {**run.tags, **self._run_links.get(run.run_id, {}), **_links_of(run)}
        files: dict[str, SourceFiles] = {}
        if self._with_artifacts:
            if run.artifact_uri:
                files[""] = self._source.files(run.artifact_uri)
            for model in self._models_of.get(run.run_id, ()):
                uri = self._model_files[model.model_id]
                files[model.artifact_path or ""] = self._source.files(uri)
        landed = RunLanding(self._workspace, run, experiment_id).land(files, self._passed)
        with self._counting:
            self._counts.update(
                runs=1, runs_new=int(landed.is_new), points=landed.points, files=landed.files
            )

    def _passed(self, count: int) -> None:
        with self._counting:
            self._counts["bytes"] += count

    # -- models -----------------------------------------------------------------------------------

    def _look_at_models(self, experiment: Experiment, home: str, runs: set[str]) -> None:
        """Where each logged model's files go, and what runs say of it: before the runs, which are written once."""
        taken: set[tuple[str, str]] = set()
        for model, uri in sorted(
            self._source.models(experiment.experiment_id),
            key=lambda one: (one.model.creation_timestamp, one.model.model_id),
        ):
            owner = model.source_run_id if model.source_run_id in runs else None
            folder = model.name
            if owner and (owner, folder) in taken:
                folder = f"{folder}-{model.model_id.removeprefix('m-')}"
            taken.add((owner or "", folder))
            placed = msgspec.structs.replace(
                model,
                experiment_id=home,
                artifact_run_id=owner,
                artifact_path=folder if owner else None,
                run_ids=tuple(
                    dict.fromkeys(
                        m.run_id for m in model.metrics if m.run_id != model.source_run_id
                    )
                ),
            )
            self._models[model.model_id] = placed
            self._model_files[model.model_id] = uri
            for metric in sorted(model.metrics, key=lambda one: (one.step, one.timestamp)):
                key, said = metric_tag(model.model_id, metric)
                self._run_links[metric.run_id][key] = said
            if owner:
                self._models_of[owner].append(placed)
                key, said = output_tag(model.model_id, 0)
                self._run_links[owner].setdefault(key, said)

    def _adopt(self, model: LoggedModel) -> None:
        if self._with_artifacts and model.artifact_run_id is None:
            files = self._source.files(self._model_files[model.model_id])
            self._counts["files"] += land_rootless_files(
                self._workspace, model.model_id, files, self._passed
            )
        self._workspace.logged_models.adopt(model)
        self._counts["models"] += 1

    def _take_registered(self, registered: SourceRegistered) -> None:
        adopted = land_registered(self._workspace, registered, self._models, self._source.label)
        self._counts.update(registered_models=1, versions=len(registered.versions))
        for number, stage in adopted.held_back:
            self._notes.append(
                f"version {number} of {registered.name!r} was in {stage}; here that stage has a policy: ask for it "
                f"with `stageline registry request {registered.name} {number} {stage}`"
            )
        for number in adopted.taken:
            self._failures.append(
                (
                    f"version {number} of {registered.name}",
                    "its number was used here for another version",
                )
            )

    def _try(self, what: str, step: Callable[[], None]) -> None:
        """One bad run must not keep the others out; a store that is away keeps all out."""
        try:
            step()
        except StorageFailed:
            raise
        except StagelineError as error:
            self._failures.append((what, str(error)))


def _links_of(run: SourceRun) -> dict[str, str]:
    made = dict(output_tag(model, step) for model, step in run.model_outputs.items())
    return {**made, **dict(input_tag(model) for model in run.model_inputs)}
