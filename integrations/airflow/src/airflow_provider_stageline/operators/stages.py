"""Versions from stage to stage: transition and rollback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.moving import MovingOperator
from airflow_provider_stageline.operators.operator import StagelineOperator, failing_for_good, tell
from airflow_provider_stageline.reaching import find_version, registry_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class TransitionStageOperator(MovingOperator):
    """Brings a version into a stage, if the stage's policy lets it. One that is there already stays there.

    Args:
        model: Name of the registered model.
        version: Its number, `latest`, a stage, or an alias with its `@`.
        stage: Where it should go.
        archive_existing: Move the versions that hold the stage to Archived, in the same instant.
        expected_stage: Fail unless the version is in this stage.
        reason: Why, for the history.
    """

    template_fields: Sequence[str] = (*MovingOperator.template_fields, "expected_stage", "reason")

    def __init__(
        self, *, expected_stage: str | None = None, reason: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.expected_stage = expected_stage
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Move it, and tell the version."""
        registry = registry_of(self, context)
        with failing_for_good():
            found = find_version(registry, self.model, self.version)
            if (
                found.current_stage.lower() != self.stage.lower()
            ):  # or a retry would conflict with itself
                found = registry.transition(
                    self.model,
                    found.version,
                    self.stage,
                    archive_existing=self.archive_existing,
                    expected_stage=self.expected_stage,
                    reason=self.reason,
                )
        return tell(self, context, found)

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The version as input and, in its stage, as output."""
        from airflow_provider_stageline.openlineage import moved_lineage

        return moved_lineage(self)


class RollbackOperator(StagelineOperator):
    """Gives a stage back to the version that held it before; the one that holds it is archived.

    Args:
        model: Name of the registered model.
        stage: Which one.
        bad_version: The version that has to go, by its number. If another one holds the stage by now, nothing happens:
            so a task that is tried again does not go back twice.
        reason: Why, for the history.
    """

    template_fields: Sequence[str] = (
        "model", "stage", "bad_version", "reason", *StagelineOperator.template_fields
    )  # fmt: skip

    def __init__(
        self,
        *,
        model: str,
        stage: str,
        bad_version: int | str | None = None,
        reason: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.stage = stage
        self.bad_version = bad_version
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Go back, and tell which version holds the stage."""
        registry = registry_of(self, context)
        with failing_for_good():
            if self.bad_version is not None:
                held = find_version(registry, self.model, self.stage)
                if str(held.version) != str(self.bad_version):
                    self.log.info(
                        "%s is held by version %s: nothing to do", self.stage, held.version
                    )
                    return tell(self, context, held)
            held = registry.rollback(self.model, self.stage, reason=self.reason)
        return tell(self, context, held)

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The version that holds the stage again."""
        from airflow_provider_stageline.openlineage import moved_lineage

        return moved_lineage(self)
