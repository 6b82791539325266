"""What a store holds, run by run, for whoever takes it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.logged_model import without_links
from stageline.domain.run import ViewType
from stageline.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stageline.domain.experiment import Experiment
    from stageline.domain.model import ModelVersion
    from stageline.domain.run import MetricPoint, Run
    from stageline.workspace import Workspace

PAGE = 500


class Exported(NamedTuple):
    """What an export did."""

    counts: dict[str, int]
    notes: list[str]
    """What is otherwise there than here."""


class Outgoing:
    """The experiments that were asked for, and their runs that are not deleted."""

    def __init__(self, workspace: Workspace, names: Sequence[str] = ()) -> None:
        """Raises `NotFound` for an experiment that is not there, by name or id."""
        self.workspace = workspace
        known = workspace.experiments.list(ViewType.ACTIVE_ONLY)
        for name in names:
            if not any(name in (one.name, one.experiment_id) for one in known):
                raise NotFound(
                    f"there is no experiment {name!r}: `stageline experiments list` shows their names and ids"
                )
        self.experiments: list[Experiment] = sorted(
            (one for one in known if not names or {one.name, one.experiment_id} & set(names)),
            key=lambda one: (one.creation_time, one.experiment_id),
        )
        self.is_whole = not names

    def count(self) -> int:
        """How many runs there are."""
        return self.workspace.index.count([one.experiment_id for one in self.experiments])

    def runs(self, experiment: Experiment) -> Iterator[Run]:
        """The runs of an experiment, the oldest first, so that a parent comes before its children."""
        token = None
        while True:
            page = self.workspace.search_runs(
                [experiment.experiment_id],
                max_results=PAGE,
                order_by=["start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if token is None:
                return

    def history(self, run: Run) -> Iterator[MetricPoint]:
        """All points of all metrics of a run, metric by metric."""
        for key in run.metrics:
            yield from self.workspace.runs.metric_history(run.info.run_id, key)

    def versions(self) -> list[ModelVersion]:
        """All versions of all registered models; none if only some experiments go."""
        if not self.is_whole:
            return []
        registry = self.workspace.registry
        return [one for model in registry.list() for one in registry.versions(model.name)]


def run_facts(run: Run) -> dict[str, Any]:
    """A run as plain values: what a row or a document has."""
    info = run.info
    return {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "run_name": info.run_name,
        "user_id": info.user_id,
        "status": str(info.status),
        "start_time": info.start_time,
        "end_time": info.end_time,
        "reason": info.reason,
        "parent_run_id": run.parent_run_id,
        "params": dict(run.data.params),
        "tags": without_links(run.data.tags),
        "metrics": dict(run.data.metrics),
    }


def version_facts(version: ModelVersion) -> dict[str, Any]:
    """A version as plain values."""
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "run_id": version.run_id,
        "artifact_path": version.artifact_path,
        "source": version.source,
        "description": version.description,
        "user_id": version.user_id,
        "creation_time": version.creation_timestamp,
        "last_update_time": version.last_updated_timestamp,
        "aliases": list(version.aliases),
        "tags": dict(version.tags),
    }
