"""Waiting for a model's stage in a DAG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue, conf

from airflow_provider_stageline.reaching import CONN_ID

if TYPE_CHECKING:
    from airflow.sdk import Context


class ModelStageSensor(BaseSensorOperator):
    """Waits until a version is in a stage, and tells which. While it waits in the triggerer it takes no worker.

    Args:
        model: Name of the registered model; it may not exist yet.
        stage: The stage.
        version: The version that has to be there; any if not given.
        newer_than: Only a version with a greater number counts, such as one that was there before.
        stageline_conn_id: Connection of type `stageline`.
        deferrable: Whether to wait in the triggerer; default: Airflow's `[operators] default_deferrable`.
        kwargs: Those of sensors: `poke_interval`, `timeout`, `mode`, `soft_fail` ...
    """

    template_fields: Sequence[str] = (
        "model",
        "stage",
        "version",
        "newer_than",
        "stageline_conn_id",
    )

    def __init__(
        self,
        *,
        model: str,
        stage: str,
        version: int | str | None = None,
        newer_than: int | str | None = None,
        stageline_conn_id: str = CONN_ID,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("multiple_outputs", True)
        super().__init__(**kwargs)
        self.model = model
        self.stage = stage
        self.version = version
        self.newer_than = newer_than
        self.stageline_conn_id = stageline_conn_id
        self.deferrable = (
            conf.getboolean("operators", "default_deferrable", fallback=False)
            if deferrable is None
            else deferrable
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        found = self.told = self._trigger().look()
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    def execute(self, context: Context) -> Any:
        """Wait, here or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        trigger = self._trigger()
        self.told = trigger.look()
        if self.told is not None:
            return self.told
        return self.defer(
            trigger=trigger,
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """The version that came."""
        self.told = event
        self.log.info("version %s of %s is in %s", event["version"], event["model"], event["stage"])
        return event

    def _trigger(self) -> Any:
        from airflow_provider_stageline.triggers import ModelStageTrigger

        return ModelStageTrigger(
            self.model,
            self.stage,
            version=None if self.version is None else int(self.version),
            newer_than=None if self.newer_than is None else int(self.newer_than),
            stageline_conn_id=self.stageline_conn_id,
            poll_interval_s=self.poke_interval,
        )

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The version that came, as input."""
        from airflow_provider_stageline.openlineage import looked_at_lineage

        return looked_at_lineage(self)
