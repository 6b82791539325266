"""`@task.stageline`: a Python task whose runs are recorded. Airflow finds it by the provider's description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk.bases.decorator import task_decorator_factory

from airflow_provider_stageline.links import RunLink
from airflow_provider_stageline.stores import CONNECTION
from airflow_provider_stageline.tasks import tracked_task
from stageline.errors import InvalidInput
from stageline.tasks import Tracking

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink
    from airflow.sdk.bases.decorator import TaskDecorator


class StagelineDecoratedOperator(_PythonDecoratedOperator):
    """The operator of `@task.stageline`: that of `@task`, with a link to the run."""

    custom_operator_name = "@task.stageline"
    operator_extra_links: Sequence[BaseOperatorLink] = (RunLink(),)


def stageline_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    *,
    tracking: Tracking | None = None,
    stageline_conn_id: str | None = None,
    **options: Any,
) -> TaskDecorator:
    """Make a task of a function whose runs are recorded; see `tracked_task`.

    Args:
        python_callable: The function.
        multiple_outputs: As with `@task`.
        tracking: What is recorded, if not all. Its fields may be given one by one: `@task.stageline(metrics=None)`.
        stageline_conn_id: The connection to record in; short for `Tracking(store="conn:...")`.
        options: Options of `@task`.

    Raises:
        InvalidInput: an option of tracking has a value that it can not have.
    """
    if isinstance(options.get("params"), bool):
        raise InvalidInput(
            "params is an option of every task of Airflow's: which params are recorded is given as "
            f"tracking=Tracking(params={options['params']})"
        )
    chosen = tracking or Tracking()
    given = {name: options.pop(name) for name in _OPTIONS & options.keys()}
    if stageline_conn_id is not None:
        if "store" in given or chosen.store is not None:
            raise InvalidInput(
                "@task.stageline takes either stageline_conn_id or a store, not both"
            )
        given["store"] = CONNECTION + stageline_conn_id
    chosen = replace(chosen, **given)
    if python_callable is not None:
        return _decorated(tracked_task(tracking=chosen)(python_callable), multiple_outputs, options)

    def decorate(function: Callable[..., Any]) -> Any:
        return _decorated(tracked_task(tracking=chosen)(function), multiple_outputs, options)

    return decorate  # type: ignore[return-value]  # as `task_decorator_factory` does


def _decorated(
    function: Callable[..., Any], multiple_outputs: bool | None, options: dict[str, Any]
) -> TaskDecorator:
    return task_decorator_factory(
        python_callable=function,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=StagelineDecoratedOperator,
        **options,
    )


# `params` is an option of every operator, too; here the one of Tracking is given as `Tracking(params=...)`.
_OPTIONS = frozenset(field.name for field in fields(Tracking)) - {"params"}
