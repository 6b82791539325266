"""The half of the tracking store that keeps logged models, without which a client of MLflow 3 can log none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.store.entities import PagedList

from stageline.domain.logged_model import LoggedModelStatus
from stageline.mlflow_plugin import entities
from stageline.mlflow_plugin.failures import tells_as_mlflow
from stageline.tracking.logged_model_search import asked_dataset, asked_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.logged_model import LoggedModel
    from stageline.mlflow_plugin.writing import Writing
    from stageline.workspace import Workspace


@tells_as_mlflow
class LoggedModelStore:
    """Logged models, and which runs made them."""

    def __init__(self, workspace: Workspace, writing: Writing) -> None:
        self._workspace = workspace
        self._writing = writing
        self._models = workspace.logged_models

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[Any] | None = None,
        params: Sequence[Any] | None = None,
        model_type: str | None = None,
    ) -> Any:
        """A new model, whose files are still to come."""
        if source_run_id:
            self._writing.opened(source_run_id)
        return self._entity(
            self._models.create(
                experiment_id,
                name,
                source_run_id=source_run_id or None,
                tags={tag.key: tag.value for tag in tags or ()},
                params={param.key: param.value for param in params or ()},
                model_type=model_type,
            )
        )

    def log_outputs(self, run_id: str, models: Sequence[Any]) -> None:
        """Which models a run made, and at which step."""
        self._writing.opened(run_id)
        self._models.link_outputs(run_id, {one.model_id: one.step for one in models})

    def log_logged_model_params(self, model_id: str, params: Sequence[Any]) -> None:
        """More params of a model."""
        self._models.log_params(model_id, {param.key: param.value for param in params})

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """One page of models."""
        page = self._models.search(
            experiment_ids,
            filter_string,
            datasets=[
                asked_dataset(one.get("dataset_name"), one.get("dataset_digest"))
                for one in datasets or ()
            ],
            max_results=max_results,
            order_by=[
                asked_order(
                    one.get("field_name"),
                    one.get("ascending", True),
                    one.get("dataset_name"),
                    one.get("dataset_digest"),
                )
                for one in order_by or ()
            ],
            page_token=page_token,
        )
        return PagedList([self._entity(one) for one in page], page.token)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        """Say that a model's files have arrived, or will not."""
        return self._entity(self._models.finish(model_id, LoggedModelStatus(str(status))))

    def set_logged_model_tags(self, model_id: str, tags: Sequence[Any]) -> None:
        """Set tags; the last value stays."""
        self._models.set_tags(model_id, {tag.key: tag.value for tag in tags})

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag."""
        self._models.delete_tag(model_id, key)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> Any:
        """The model, with what runs measured of it."""
        return self._entity(self._models.get(model_id, even_deleted=allow_deleted))

    def delete_logged_model(self, model_id: str) -> None:
        """Put it aside."""
        self._models.delete(model_id)

    def _entity(self, model: LoggedModel) -> Any:
        return entities.model_entity(model, self._models.artifact_uri(model))
