"""MLflow's tracking store on a Stageline store: experiments and runs. Logged models are in a file beside this one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow.entities import _DatasetSummary
from mlflow.store.entities import PagedList
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_LOGGED_MODELS

from stageline.domain.page import decode_token, encode_token
from stageline.mlflow_plugin import entities
from stageline.mlflow_plugin.failures import tells_as_mlflow
from stageline.mlflow_plugin.logged_model_store import LoggedModelStore
from stageline.mlflow_plugin.opened import workspace_at
from stageline.mlflow_plugin.unsupported import NotKept
from stageline.mlflow_plugin.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.run import MetricPoint

_DATASETS_LIMIT = 1000


@tells_as_mlflow
class StagelineTrackingStore(NotKept, LoggedModelStore, AbstractStore):  # type: ignore[misc]  # mlflow has no types
    """One for each thread and URI, as MLflow makes them; all of a process share the workspace and its open runs."""

    def __init__(self, store_uri: str | None = None, artifact_uri: str | None = None) -> None:
        AbstractStore.__init__(self)
        workspace = workspace_at(store_uri or "stageline:")
        LoggedModelStore.__init__(self, workspace, Writing.of(workspace))
        self._experiments = workspace.experiments

    # -- experiments ------------------------------------------------------------------------------

    def search_experiments(
        self,
        view_type: int = 1,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """One page of experiments."""
        page = self._workspace.search_experiments(
            entities.view_of(view_type),
            max_results,
            filter_string or "",
            order_by or (),
            page_token,
        )
        return PagedList([self._experiment(one) for one in page], page.token)

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Sequence[Any] | None = None
    ) -> str:
        """A new experiment's id."""
        given = {tag.key: tag.value for tag in tags or ()}
        return self._experiments.create(name, given, artifact_location or "").experiment_id

    def get_experiment(self, experiment_id: str) -> Any:
        """The experiment, deleted or not."""
        return self._experiment(self._experiments.get(experiment_id))

    def get_experiment_by_name(self, experiment_name: str) -> Any:
        """The experiment, deleted or not; None if there is none."""
        found = self._experiments.find_by_name(experiment_name)
        return None if found is None else self._experiment(found)

    def delete_experiment(self, experiment_id: str) -> None:
        """Put it aside."""
        self._experiments.delete(experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Take it back."""
        self._experiments.restore(experiment_id)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give it another name."""
        self._experiments.rename(experiment_id, new_name)

    def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
        """Set a tag."""
        self._experiments.set_tag(experiment_id, tag.key, tag.value)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag."""
        self._experiments.delete_tag(experiment_id, key)

    # -- runs -------------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str,
        user_id: str | None,
        start_time: int | None,
        tags: Sequence[Any] | None,
        run_name: str | None,
    ) -> Any:
        """A new run, which this process writes until its status says that it is over."""
        given = {tag.key: tag.value for tag in tags or ()}
        if user_id:
            given.setdefault("mlflow.user", user_id)
        return entities.run_entity(
            self._writing.create(experiment_id, run_name, given, start_time).snapshot()
        )

    def get_run(self, run_id: str) -> Any:
        """The run, with all that this process logged."""
        return entities.run_entity(self._workspace.runs.get(run_id))

    def update_run_info(
        self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None
    ) -> Any:
        """Change status and name; with a status that is the last, all is in the store when this returns."""
        status = None if run_status is None else entities.status_of(run_status)
        return entities.run_info(self._writing.update(run_id, status, end_time, run_name))

    def delete_run(self, run_id: str) -> None:
        """Put it aside."""
        self._writing.delete(run_id)

    def restore_run(self, run_id: str) -> None:
        """Take it back."""
        self._workspace.runs.restore(run_id)

    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> tuple[list[Any], str | None]:
        page = self._workspace.search_runs(
            experiment_ids,
            filter_string or "",
            entities.view_of(run_view_type),
            max_results,
            order_by or (),
            page_token,
        )
        return [entities.run_entity(run) for run in page], page.token

    # -- logging ----------------------------------------------------------------------------------

    def log_metric(self, run_id: str, metric: Any) -> None:
        """One point; on disk when this returns."""
        self._writing.log_metrics(run_id, [metric])

    def log_param(self, run_id: str, param: Any) -> None:
        """One param, once."""
        self._writing.log_params(run_id, [param])

    def set_tag(self, run_id: str, tag: Any) -> None:
        """One tag; the last value stays."""
        self._writing.set_tags(run_id, {tag.key: tag.value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run."""
        self._workspace.runs.delete_tag(run_id, key)

    def log_batch(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> None:
        """Many at once; a param that contradicts what is known logs nothing."""
        self._writing.log_batch(run_id, metrics or (), params or (), tags or ())

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[Any] | None = None,
        models: Sequence[Any] | None = None,
    ) -> None:
        """What the run reads: datasets and logged models."""
        self._writing.opened(run_id).log_inputs(entities.dataset_inputs(datasets or ()))
        if models:
            self._models.link_inputs(run_id, [one.model_id for one in models])

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        """What clients before MLflow 3 say of a model that they logged: one more in a tag of the run."""
        known = self._workspace.runs.get(run_id).data.tags.get(MLFLOW_LOGGED_MODELS, "[]")
        models = [*json.loads(known), mlflow_model.get_tags_dict()]
        self._writing.set_tags(run_id, {MLFLOW_LOGGED_MODELS: json.dumps(models)})

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> Any:
        """The points of a metric in the order of their time; the same point twice is one, as everywhere in MLflow."""
        points = _apart(self._workspace.runs.metric_history(run_id, metric_key))
        self._writing.saw(run_id, points)
        offset = decode_token(page_token)
        end = len(points) if max_results is None else offset + max_results
        page = [entities.metric_entity(point, run_id) for point in points[offset:end]]
        return PagedList(page, encode_token(end) if end < len(points) else None)

    def _search_datasets(self, experiment_ids: Sequence[str]) -> list[Any]:
        """The datasets that runs of these experiments read: what MLflow's pages offer for filters."""
        found: dict[tuple[str, ...], Any] = {}
        for run in self._workspace.search_runs(experiment_ids, max_results=_DATASETS_LIMIT):
            for given in run.inputs.dataset_inputs:
                context = given.tags.get(MLFLOW_DATASET_CONTEXT)
                name, digest = given.dataset.name, given.dataset.digest
                key = (run.info.experiment_id, name, digest, context or "")
                found[key] = _DatasetSummary(run.info.experiment_id, name, digest, context)
        return list(found.values())

    def _experiment(self, experiment: Any) -> Any:
        return entities.experiment_entity(
            experiment, f"{self._workspace.store.url.rstrip('/')}/runs"
        )


def _apart(points: list[MetricPoint]) -> list[MetricPoint]:
    once = dict.fromkeys(points)
    return sorted(once, key=lambda point: (point.timestamp, point.step))
