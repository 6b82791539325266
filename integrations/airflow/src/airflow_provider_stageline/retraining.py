"""`retraining_dag`: train candidates, keep the best, and bring it through the gate of a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from airflow.sdk import DAG, Asset, get_current_context, task

from airflow_provider_stageline.operators.approval import ApproveTransitionOperator
from airflow_provider_stageline.operators.evaluating import EvaluateModelOperator
from airflow_provider_stageline.operators.gates import StageGateOperator
from airflow_provider_stageline.operators.stages import TransitionStageOperator
from airflow_provider_stageline.operators.versions import RegisterModelOperator
from airflow_provider_stageline.reaching import CONN_ID
from airflow_provider_stageline.stores import CONNECTION
from airflow_provider_stageline.tasks import tracked_task
from stageline.tasks import Tracking

Candidate = Mapping[str, Any]


def retraining_dag(
    dag_id: str,
    *,
    model: str,
    train: Callable[..., Any],
    candidates: Sequence[Candidate],
    data: str | Callable[[], str],
    target: str,
    metrics: Sequence[str],
    thresholds: Sequence[str] = (),
    stage: str = "Production",
    cron: str | None = None,
    assets: Sequence[Asset] = (),
    approval: Mapping[str, Any] | None = None,
    is_approved_by_people: bool = True,
    deploy: Callable[[dict[str, Any]], Any] | None = None,
    notify: Callable[[dict[str, Any]], Any] | None = None,
    tracking: Tracking | None = None,
    artifact_path: str = "model",
    stageline_conn_id: str = CONN_ID,
    **options: Any,
) -> DAG:
    """A DAG: prepare, train (mapped), evaluate (mapped), choose, register, gate, approve, promote, deploy, notify.

    A candidate must meet the thresholds and be better on `data` than what is in the stage; the best one is registered.
    If none is, the rest is skipped, and so it is if the stage's gate is shut or somebody says no. `notify` runs always,
    and has no say in whether the DAG run failed. Workers need `stageline[batch]`, to measure candidates on files.

    Args:
        dag_id: Of the DAG.
        model: Name of the registered model, made if need be.
        train: Called once for each candidate, as a tracked task. It logs a model: `stageline.log_model(fitted)`.
        candidates: Its arguments, by name.
        data: Path or URL of what the candidates are measured on, or a function that makes it and returns where it is.
        target: The column that holds what is to be predicted.
        metrics: See `EvaluateModelOperator`: the first decides which candidate is the best.
        thresholds: Conditions that a candidate must meet: `metrics.rmse < 60`.
        stage: Where the best one goes.
        cron: When to retrain.
        assets: Whose events start a retraining, such as `dataset_asset(...)`; with `cron`, whichever comes first.
        approval: Arguments for `ApproveTransitionOperator`: `assigned_users`, `response_timeout`, `comment` ...
        is_approved_by_people: False: what the gate lets in is promoted with nobody being asked.
        deploy: Called with the version that was promoted. Other DAGs may be scheduled on `model_asset(model, stage)`
            instead.
        notify: Called at the end with what became of it: `model`, `stage`, `dag_run`, and
            `registered` and `promoted`: a version, or None.
        tracking: Of the training tasks.
        artifact_path: Where `train` logs the model.
        stageline_conn_id: Connection of type `stageline`.
        options: Others of `DAG`: `start_date`, `tags`, `default_args` ...
    """
    options.setdefault("catchup", False)
    options.setdefault("max_active_runs", 1)
    with DAG(dag_id, schedule=_schedule(cron, assets), **options) as dag:
        place: dict[str, Any] = {"stageline_conn_id": stageline_conn_id}
        evaluated = EvaluateModelOperator.partial(
            task_id="evaluate",
            data=task(task_id="prepare")(data)() if callable(data) else data,
            target=target,
            metrics=list(metrics),
            thresholds=list(thresholds),
            baseline=f"models:/{model}/{stage}",
            on_block="tell",
            experiment=tracking.experiment if tracking else None,
            **place,
        ).expand(model_uri=_trained(train, candidates, tracking, artifact_path, stageline_conn_id))
        evaluations: Any = evaluated.output
        chosen: Any = task(task_id="choose", multiple_outputs=True)(_choose)(evaluations)
        registered = RegisterModelOperator(
            task_id="register", model=model, run_id=chosen["run_id"], artifact_path=artifact_path, **place
        )  # fmt: skip
        output: Any = registered.output
        version = output["version"]
        gate = StageGateOperator(
            task_id="gate", model=model, version=version, to_stage=stage, **place
        )
        promoted = TransitionStageOperator(
            task_id="promote", model=model, version=version, stage=stage, archive_existing=True, **place
        )  # fmt: skip
        last: Any = promoted
        if is_approved_by_people:
            approved = ApproveTransitionOperator(
                task_id="approve", model=model, version=version, stage=stage, archive_existing=True,
                **{**place, **(approval or {})},
            )  # fmt: skip
            gate >> approved >> promoted
        else:
            gate >> promoted
        if deploy is not None:
            output = promoted.output
            last = task(task_id="deploy")(_told(deploy))(output)
        last >> _notified(notify, model, stage)
    return dag


def _schedule(cron: str | None, assets: Sequence[Asset]) -> Any:
    if not assets:
        return cron
    if cron is None:
        return list(assets)
    from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

    timetable = CronTriggerTimetable(cron, timezone="UTC")
    return AssetOrTimeSchedule(timetable=timetable, assets=list(assets))


def _trained(
    train: Callable[..., Any],
    candidates: Sequence[Candidate],
    tracking: Tracking | None,
    artifact_path: str,
    conn_id: str,
) -> Any:
    """The URIs of the models that the candidates' tasks logged."""
    tracked = tracked_task(tracking=tracking or Tracking(store=CONNECTION + conn_id))(train)

    @wraps(tracked)
    def run(*args: Any, **kwargs: Any) -> str:
        from airflow_provider_stageline.links import noted_run
        from stageline.errors import NotFound

        tracked(*args, **kwargs)
        run_id = noted_run(get_current_context()["ti"])
        if run_id is None:
            raise NotFound("the training was not recorded, so there is no model: see the log above")
        return f"runs:/{run_id}/{artifact_path}"

    # A task can be mapped over no part of what another returns, so that is the URI alone.
    made = task(task_id="train", multiple_outputs=False)(run)
    return made.expand_kwargs([dict(one) for one in candidates])


def _choose(evaluations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The best of the candidates that passed."""
    from airflow.sdk.exceptions import AirflowSkipException

    passed = [one for one in evaluations if one["passed"]]
    if not passed:
        tables = "\n".join(one["table"] for one in evaluations)
        raise AirflowSkipException(f"no candidate is good enough:\n{tables}")
    sign = 1 if passed[0]["direction"] == "min" else -1
    best = min(passed, key=lambda one: sign * one["metrics"][one["metric"]])
    run_id = best["model_uri"].removeprefix("runs:/").partition("/")[0]
    return {"model_uri": best["model_uri"], "run_id": run_id, "metrics": best["metrics"]}


def _told(deploy: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    @wraps(deploy)
    def run(version: dict[str, Any]) -> Any:
        return deploy(version)

    del run.__wrapped__  # its parameter may have any name
    return run


def _notified(notify: Callable[[dict[str, Any]], Any] | None, model: str, stage: str) -> Any:
    @task(task_id="notify", multiple_outputs=False)
    def tell() -> dict[str, Any]:
        ti: Any = get_current_context()["ti"]
        said = {
            "model": model,
            "stage": stage,
            "registered": ti.xcom_pull(task_ids="register"),
            "promoted": ti.xcom_pull(task_ids="promote"),
            "dag_run": ti.run_id,
        }
        if notify is not None:
            notify(said)
        return said

    # A teardown runs whatever became of the rest; as a plain task with that rule it would make every DAG run a success.
    return tell().as_teardown()
