"""What operators have in common that move a version, ask that it may move, or look whether it may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_stageline.operators.operator import StagelineOperator


class VersionOperator(StagelineOperator):
    """An operator on a version of a registered model; OpenLineage is told that it read that version."""

    template_fields: Sequence[str] = ("model", "version", *StagelineOperator.template_fields)

    def __init__(self, *, model: str, version: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.version = version

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The version that it is about."""
        from airflow_provider_stageline.openlineage import looked_at_lineage

        return looked_at_lineage(self)


class MovingOperator(VersionOperator):
    """One that brings a version into a stage, or asks for that."""

    template_fields: Sequence[str] = (
        "model", "version", "stage", *StagelineOperator.template_fields
    )  # fmt: skip
    version: int | str

    def __init__(
        self,
        *,
        model: str,
        version: int | str,
        stage: str,
        archive_existing: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(model=model, version=version, **kwargs)
        self.stage = stage
        self.archive_existing = archive_existing
