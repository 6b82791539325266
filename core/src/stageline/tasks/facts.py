"""What there is to show of a run, read from the store: the run, the course of its metrics, its files, runs, lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.domain.artifact import StoredFile
    from stageline.domain.graph import LineageGraph
    from stageline.domain.run import MetricPoint, Run
    from stageline.tasks.session import TaskWorkspace

MOST_CHILDREN = 200
MOST_NODES = 40
DEPTH = 3


class RunFacts(NamedTuple):
    """One run, as a page or a card shows it."""

    run: Run
    experiment: str
    series: dict[str, list[MetricPoint]]
    """All points of each metric."""
    files: dict[str, StoredFile]
    children: list[Run]
    """The runs that are nested in it, the oldest first; at most `MOST_CHILDREN`."""
    graph: LineageGraph

    @property
    def tells_something(self) -> bool:
        """Whether there is more to it than an orchestrator knows: its arguments, its times, that it finished."""
        return bool(
            self.series
            or self.files
            or self.children
            or self.run.inputs.dataset_inputs
            or self.run.info.reason
        )


def run_facts(workspace: TaskWorkspace, run_id: str, *, with_children: bool = False) -> RunFacts:
    """Read them: a few requests, so not while a task waits.

    Args:
        workspace: Where the run is recorded.
        run_id: The run.
        with_children: Whether it may have nested runs, as that of a pipeline.

    Raises:
        NotFound: there is no such run.
    """
    from stageline.tracking.reading import (
        RunReader,
    )  # late: a worker that shows nothing needs none of it

    stored = workspace.runs.stored(run_id)
    run = stored.summary.to_run(workspace.runs.artifact_uri(run_id))
    reader = RunReader(workspace.store)
    series = {key: reader.series(stored, key) or [last] for key, last in run.metrics.items()}
    files = {path: file for path, file in sorted(stored.files.items()) if file.sha256 is not None}
    children: list[Run] = []
    if with_children:
        children = list(
            workspace.search_runs(
                [run.info.experiment_id],
                f"tags.`mlflow.parentRunId` = '{run_id}'",
                max_results=MOST_CHILDREN,
                order_by=["attributes.start_time ASC"],
            )
        )
    # What came of a run is found by searching, which only a run with a model or with runs of its own is worth.
    has_results = with_children or any(path.endswith("MLmodel") for path in files)
    graph = workspace.lineage.of_run(
        run_id,
        direction="both" if has_results else "up",
        depth=DEPTH,
        most_nodes=MOST_NODES,
    )
    return RunFacts(run, _experiment(workspace, run), series, files, children, graph)


def _experiment(workspace: TaskWorkspace, run: Run) -> str:
    try:
        return workspace.experiments.get(run.info.experiment_id).name
    except NotFound:  # collected
        return run.info.experiment_id
