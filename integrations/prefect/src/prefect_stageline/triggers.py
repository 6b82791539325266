"""When to train again: triggers by stages and drift, and a deployment of a flow with all of them and a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron, Interval

from prefect_stageline.drift import DRIFTED, data_resource
from prefect_stageline.events import STAGE_CHANGED, model_resource
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    import datetime

    from prefect.deployments.runner import RunnerDeployment
    from prefect.flows import Flow
    from prefect.schedules import Schedule


def on_stage_change(
    model: str = "*",
    *,
    to: str | Iterable[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> DeploymentEventTrigger:
    """Run a deployment when a version of a model comes into a stage.

    The event comes from flows that make the transition in a process where something is tracked, and from
    `stageline watch prefect` for all others.

    Args:
        model: Name of the registered model, or `*` for all.
        to: The stage, or any of several, as the model spells them; default: any.
        parameters: Of the flow run, in which Prefect fills in `{{ event.payload.version }}`; also `model`, `uri`,
            `from_stage`, `to_stage`, `actor`, `reason`, `run_id`.
        name: Of the automation that Prefect makes of it.

    >>> trigger = on_stage_change("wine", to="Production", parameters={"version": "{{ event.payload.version }}"})
    >>> trigger.match.root
    {'prefect.resource.id': 'stageline.model.wine', 'stageline.to-stage': 'Production'}
    """
    stages = [to] if isinstance(to, str) else list(to or [])
    labels: dict[str, Any] = {
        "prefect.resource.id": "stageline.model.*" if model == "*" else model_resource(model)
    }
    if stages:
        labels["stageline.to-stage"] = stages[0] if len(stages) == 1 else stages
    return _trigger(STAGE_CHANGED, labels, parameters, name)


def on_drift(
    data: str = "*",
    *,
    model: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> DeploymentEventTrigger:
    """Run a deployment when `report_drift` has found that data has moved too far.

    Args:
        data: The name that `report_drift` was given, or `*` for all.
        model: Only if it was reported for this registered model.
        parameters: Of the flow run, in which Prefect fills in `{{ event.payload.column }}` and the like.
        name: Of the automation that Prefect makes of it.
    """
    labels: dict[str, Any] = {
        "prefect.resource.id": "stageline.data.*" if data == "*" else data_resource(data)
    }
    if model is not None:
        labels["stageline.model"] = model
    return _trigger(DRIFTED, labels, parameters, name)


def retraining(
    flow: Flow[..., Any],
    *,
    name: str = "retraining",
    cron: str | None = None,
    interval: datetime.timedelta | float | None = None,
    timezone: str | None = None,
    on: Iterable[DeploymentEventTrigger] = (),
    parameters: Mapping[str, Any] | None = None,
    **options: Any,
) -> RunnerDeployment:
    """A deployment that trains again by the clock, when a stage changes and when data drifts.

    `prefect.serve(retraining(...))` runs it here; `retraining(..., work_pool_name="p").apply()` leaves it to workers.

    Args:
        flow: A flow, tracked or not; for a worker, one that was loaded by `Flow.from_source`.
        name: Of the deployment.
        cron: When, as a cron expression.
        interval: How often, in seconds or as a timedelta.
        timezone: Of the cron expression; default: UTC.
        on: Triggers, such as `on_stage_change("wine", to="Archived")` and `on_drift("orders")`.
        parameters: Of its flow runs, where a trigger says nothing else.
        options: Of `Flow.to_deployment`: `work_pool_name`, `tags`, `concurrency_limit`, ...

    Raises:
        InvalidInput: there is nothing that would start it.
    """
    schedules: list[Schedule] = []
    if cron is not None:
        schedules.append(Cron(cron, timezone=timezone))
    if interval is not None:
        schedules.append(Interval(interval))
    triggers: list[Any] = list(on)
    if not schedules and not triggers:
        raise InvalidInput(
            f"retraining({flow.name}): nothing starts it; give `cron`, `interval`, or `on=[on_stage_change(...)]`"
        )
    deployment: RunnerDeployment = flow.to_deployment(  # type: ignore[assignment]  # of a sync caller
        name=name,
        schedules=schedules or None,
        triggers=triggers or None,
        parameters=dict(parameters or {}),
        **options,
    )
    return deployment


def _trigger(
    event: str, labels: dict[str, Any], parameters: Mapping[str, Any] | None, name: str | None
) -> DeploymentEventTrigger:
    return DeploymentEventTrigger(
        name=name,
        expect={event},
        match=labels,
        parameters=None if parameters is None else dict(parameters),
    )
