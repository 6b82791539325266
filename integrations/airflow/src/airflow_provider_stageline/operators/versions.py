"""A model's version into the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.operator import StagelineOperator, failing_for_good, tell
from airflow_provider_stageline.reaching import registry_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class RegisterModelOperator(StagelineOperator):
    """Registers the model that a run logged. The same run and files have one version, however often it is tried.

    Args:
        model: Name of the registered model, made if need be.
        run_id: The run that logged it.
        artifact_path: Where in the run's artifacts it is.
        source: URI of a model that no run of the store logged, instead of the two.
        tags: First tags of the version.
        description: For people.
    """

    template_fields: Sequence[str] = (
        "model", "run_id", "artifact_path", "source", "tags", "description",
        *StagelineOperator.template_fields,
    )  # fmt: skip

    def __init__(
        self,
        *,
        model: str,
        run_id: str | None = None,
        artifact_path: str | None = "model",
        source: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.run_id = run_id
        self.artifact_path = artifact_path
        self.source = source
        self.tags = tags
        self.description = description

    def execute(self, context: Context) -> dict[str, Any]:
        """Register it, and tell its version."""
        with failing_for_good():
            version = registry_of(self, context).register(
                self.model,
                run_id=self.run_id,
                artifact_path=self.artifact_path if self.run_id else None,
                source=self.source,
                tags=self.tags,
                description=self.description,
                run_link=context["ti"].log_url,
            )
        return tell(self, context, version)

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The run's model as input, the version as output."""
        from airflow_provider_stageline.openlineage import registered_lineage

        return registered_lineage(self)
