"""Transitions that wait for somebody's yes: asked for, and answered by whatever means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.moving import MovingOperator
from airflow_provider_stageline.operators.operator import failing_for_good, tell
from airflow_provider_stageline.reaching import find_version, registry_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class RequestTransitionOperator(MovingOperator):
    """Asks that a version may enter a stage; who answers, does so by whatever means. Asking again is no second request.

    Args:
        model: Name of the registered model.
        version: Its number, `latest`, a stage, or an alias with its `@`.
        stage: Where it should go.
        archive_existing: Move the versions that hold the stage to Archived when it enters.
        comment: For whoever answers.
    """

    template_fields: Sequence[str] = (*MovingOperator.template_fields, "comment")

    def __init__(self, *, comment: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.comment = comment

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and tell the number of the request."""
        registry = registry_of(self, context)
        with failing_for_good():
            found = find_version(registry, self.model, self.version)
            request = registry.request_transition(
                self.model,
                found.version,
                self.stage,
                archive_existing=self.archive_existing,
                comment=self.comment,
            )
        more = {"request": request.number, "status": str(request.status)}
        return tell(self, context, found, **more)
