"""Gates in a DAG: what is downstream runs only if a version may enter a stage, or is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, task_decorator_factory
from airflow.providers.standard.decorators.python import _PythonDecoratedOperator

from airflow_provider_stageline.operators.blocking import Blocking, OnBlock
from airflow_provider_stageline.operators.moving import VersionOperator
from airflow_provider_stageline.operators.operator import failing_for_good, tell
from airflow_provider_stageline.reaching import CONN_ID, find_version, registry_of

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator


class Gate(Blocking):
    """Lets a version through, or skips what is downstream."""

    model: str
    to_stage: str | None
    in_stage: str | None
    stageline_conn_id: str
    actor: str | None
    told: Mapping[str, Any] | None = None

    def pass_through(self, version: int | str | None, context: Context) -> dict[str, Any]:
        """The version and the gate's table, if it may go on. Raises what skips or fails the task if not."""
        if (self.to_stage is None) == (self.in_stage is None):
            raise AirflowFailException("name either to_stage, whose gate to ask, or in_stage")
        registry = registry_of(self, context)
        with failing_for_good():
            found = self._looked_at(registry, version)
            passes, table = self._judged(registry, found)
        self.log.info("%s", table)
        values = {} if found is None else tell(self, context, found)
        if not passes:
            self.block(table, context)
        return {**values, "gate": table, "passed": passes}

    def _looked_at(self, registry: Any, version: int | str | None) -> Any:
        from stageline.errors import NotFound

        if version is not None:
            return find_version(registry, self.model, version)
        try:
            return find_version(registry, self.model, self.in_stage or "latest")
        except NotFound:
            if self.in_stage is None:
                raise
            return None

    def _judged(self, registry: Any, found: Any) -> tuple[bool, str]:
        if self.in_stage is not None:
            if found is None:
                return False, f"no version of {self.model} is in {self.in_stage}"
            where = f"version {found.version} of {self.model} is in {found.current_stage}"
            return found.current_stage.lower() == self.in_stage.lower(), where
        decision = registry.check_gate(
            self.model, found.version, self.to_stage, archive_existing=True
        )
        # Whom it takes to say yes is not for a gate to wait for.
        return decision.allowed or decision.lacks_only_approval, str(decision)


class StageGateOperator(VersionOperator, Gate):
    """Skips what is downstream unless a version may enter a stage (`to_stage`), or is in it (`in_stage`).

    `to_stage` asks the stage's policy and looks at all but the people: a version that only lacks an approval passes,
    and goes on to an `ApproveTransitionOperator`. The table of rules is in the log and in the result.

    Args:
        model: Name of the registered model.
        version: Its number, `latest`, a stage, or an alias with its `@`; default: the latest, or what is in `in_stage`.
        to_stage: The stage whose gate is asked.
        in_stage: The stage that the version has to be in.
        on_block: `skip`, `fail` the task, or only `tell`.
        ignore_downstream_trigger_rules: Skip all that is downstream, instead of what comes next and, by their trigger
            rules, those after it.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = (*VersionOperator.template_fields, "to_stage", "in_stage")

    def __init__(
        self,
        *,
        to_stage: str | None = None,
        in_stage: str | None = None,
        on_block: OnBlock = "skip",
        ignore_downstream_trigger_rules: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to_stage = to_stage
        self.in_stage = in_stage
        self.on_block = on_block
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and tell; or skip."""
        return self.pass_through(self.version, context)


class _StageGateDecoratedOperator(_PythonDecoratedOperator, Gate):
    """A function that names the version; the gate decides about it."""

    inherits_from_skipmixin = True
    custom_operator_name = "@task.stage_gate"
    template_fields: Sequence[str] = (
        *_PythonDecoratedOperator.template_fields, "model", "to_stage", "in_stage", "stageline_conn_id", "actor",
    )  # fmt: skip

    def __init__(
        self,
        *,
        model: str,
        to_stage: str | None = None,
        in_stage: str | None = None,
        on_block: OnBlock = "skip",
        ignore_downstream_trigger_rules: bool = False,
        stageline_conn_id: str = CONN_ID,
        actor: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.to_stage = to_stage
        self.in_stage = in_stage
        self.on_block = on_block
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules
        self.stageline_conn_id = stageline_conn_id
        self.actor = actor

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the function, and look at the version that it returns."""
        return self.pass_through(super().execute(context), context)


def stage_gate_task(
    python_callable: Callable[..., Any] | None = None, **kwargs: Any
) -> TaskDecorator:
    """`@task.stage_gate(model=..., to_stage=...)`: the function returns a version, or None for the latest."""
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=_StageGateDecoratedOperator,
        **kwargs,
    )
