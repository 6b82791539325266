"""One run in full: its info, params, metrics with their course, tags, inputs, attempts, files and source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.cli.documents import run_document, series_document
from stageline.cli.render import ago, duration, file_size, moment, number, sparkline
from stageline.cli.tables import Column, print_heading, print_table
from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_HOST,
    TAG_NOTE,
    TAG_SOURCE_NAME,
    LifecycleStage,
    MetricPoint,
    Run,
)
from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.domain.artifact import StoredFile
    from stageline.workspace import Workspace

MOST_FILES = 20


class RunPage(NamedTuple):
    """What the store says of one run."""

    run: Run
    experiment: str
    series: dict[str, list[MetricPoint]]
    files: dict[str, StoredFile]
    now_ms: int

    @classmethod
    def read(cls, workspace: Workspace, run_id: str) -> RunPage:
        """Read it. Raises `NotFound`."""
        from stageline.tracking.reading import RunReader

        stored = workspace.runs.stored(run_id)
        run = stored.summary.to_run(workspace.runs.artifact_uri(run_id))
        reader = RunReader(workspace.store)
        series = {key: reader.series(stored, key) or [last] for key, last in run.metrics.items()}
        files = {
            path: file for path, file in sorted(stored.files.items()) if file.sha256 is not None
        }
        try:
            experiment = workspace.experiments.get(run.info.experiment_id).name
        except NotFound:  # collected, or not yet named
            experiment = run.info.experiment_id
        return cls(run, experiment, series, files, workspace.clock.now_ms())

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            **run_document(self.run),
            "experiment": self.experiment,
            "series": {key: series_document(points) for key, points in self.series.items()},
            "inputs": msgspec.to_builtins(self.run.inputs.dataset_inputs),
            "attempts": msgspec.to_builtins(self.run.attempts),
            "artifacts": [
                {"path": path, "file_size": file.size, "sha256": file.sha256}
                for path, file in self.files.items()
            ],
        }

    def print(self) -> None:
        """For people."""
        _print_pairs(self._info())
        self._print_metrics()
        data, tags = self.run.data, self.run.data.tags
        _print_part("params", data.params)
        _print_part("tags", {key: value for key, value in tags.items() if key not in _TOLD})
        self._print_inputs()
        self._print_attempts()
        self._print_files()

    def _info(self) -> Iterable[tuple[str, str]]:
        info, tags = self.run.info, self.run.data.tags
        yield "run", info.run_name
        yield "id", info.run_id
        yield "status", f"{info.status}: {info.reason}" if info.reason else str(info.status)
        if info.lifecycle_stage is LifecycleStage.DELETED:
            yield "deleted", f"`stageline runs restore {info.run_id}` takes it back"
        yield "experiment", f"{self.experiment} ({info.experiment_id})"
        if self.run.parent_run_id:
            yield "parent", self.run.parent_run_id
        yield "started", f"{moment(info.start_time)} ({ago(info.start_time, self.now_ms)})"
        yield "duration", duration((info.end_time or self.now_ms) - info.start_time)
        yield "user", f"{info.user_id} on {tags[TAG_HOST]}" if TAG_HOST in tags else info.user_id
        yield from _source(tags)
        if TAG_NOTE in tags:
            yield "note", tags[TAG_NOTE]
        yield "artifacts", info.artifact_uri

    def _print_metrics(self) -> None:
        if not self.series:
            return
        print_heading("metrics")
        columns = [
            Column("metric"),
            *(Column(title, True) for title in ("last", "step", "min", "max")),
            Column(""),
        ]
        print_table(columns, [_metric_row(key, points) for key, points in self.series.items()])

    def _print_inputs(self) -> None:
        inputs = self.run.inputs.dataset_inputs
        if inputs:
            print_heading("inputs")
            rows = [
                [
                    given.dataset.name,
                    given.tags.get("mlflow.data.context", ""),
                    given.dataset.digest,
                    given.dataset.source,
                ]
                for given in inputs
            ]
            print_table(
                [Column("dataset"), Column("context"), Column("digest"), Column("source")], rows
            )

    def _print_attempts(self) -> None:
        if self.run.attempts:
            print_heading("attempts")
            rows = [
                [
                    str(attempt.number),
                    str(attempt.status),
                    duration((attempt.end_time or self.now_ms) - attempt.start_time),
                    attempt.reason or "",
                ]
                for attempt in self.run.attempts
            ]
            print_table(
                [
                    Column("attempt", True),
                    Column("status"),
                    Column("duration", True),
                    Column("reason"),
                ],
                rows,
            )

    def _print_files(self) -> None:
        if not self.files:
            return
        total = sum(file.size for file in self.files.values())
        print_heading(f"artifacts: {len(self.files)} files, {file_size(total)}")
        shown = list(self.files.items())[:MOST_FILES]
        print_table(
            [Column("path"), Column("size", True)],
            [[path, file_size(file.size)] for path, file in shown],
        )
        if len(self.files) > MOST_FILES:
            print(f"... `stageline artifacts list {self.run.info.run_id} --tree` shows them all")


_TOLD = {
    "mlflow.runName",
    "mlflow.user",
    "mlflow.parentRunId",
    "mlflow.source.type",
    TAG_HOST,
    TAG_NOTE,
    TAG_SOURCE_NAME,
    TAG_GIT_COMMIT,
    TAG_GIT_BRANCH,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
}


def _source(tags: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    if TAG_SOURCE_NAME in tags:
        yield "source", tags[TAG_SOURCE_NAME]
    if TAG_GIT_COMMIT in tags:
        branch = f" on {tags[TAG_GIT_BRANCH]}" if TAG_GIT_BRANCH in tags else ""
        dirty = (
            " (with uncommitted changes)" if tags.get(TAG_GIT_DIRTY, "").lower() == "true" else ""
        )
        yield "commit", f"{tags[TAG_GIT_COMMIT]}{branch}{dirty}"
    if TAG_GIT_REPO_URL in tags:
        yield "repository", tags[TAG_GIT_REPO_URL]


def _metric_row(key: str, points: Sequence[MetricPoint]) -> list[str]:
    values = [point.value for point in points]
    numbers = [value for value in values if not math.isnan(value)]
    return [
        key,
        number(values[-1]),
        str(points[-1].step),
        number(min(numbers, default=math.nan)),
        number(max(numbers, default=math.nan)),
        sparkline(values) if len(values) > 1 else "",
    ]


def _print_part(title: str, values: Mapping[str, str]) -> None:
    if values:
        print_heading(title)
        _print_pairs(values.items())


def _print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    from stageline.cli.render import clean

    told = [(key, clean(value)) for key, value in pairs if value]
    width = max((len(key) for key, _ in told), default=0)
    for key, value in told:
        print(f"{clean(key):<{width}}  {value}")
