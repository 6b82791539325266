"""Promotions as tasks: `promote`, which belongs to the transaction that it is in, and `rollback`."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.transactions import get_transaction

from prefect_stageline.here import newest_version, registry_here
from prefect_stageline.stores import Store
from stageline.tasks import Gate, Promotion

ROLLED_BACK = "the transaction of the flow was rolled back"


@task(name="promote", task_run_name="{model} to {stage}", cache_policy=NO_CACHE)
def promote(
    model: str,
    stage: str,
    *,
    version: int | str | None = None,
    archive_existing: bool = False,
    expected_stage: str | None = None,
    reason: str | None = None,
    actor: str | None = None,
    store: Store | None = None,
) -> int:
    """Bring a version into a stage, if its gate lets it in; the version. Nothing happens if it is there.

    Inside of `with transaction():` the gate is asked at once, and the version moves when the transaction is committed;
    one that is rolled back before has moved nothing. Outside of one it moves at once. If then the rest of the task
    that called `promote.fn` fails, or its result can not be kept, it is taken back: the version returns to its former
    stage and what it replaced to this one, and the history says why.

    Args:
        model: A registered model.
        stage: The stage.
        version: The version; default: the newest.
        archive_existing: Whether to archive what holds the stage, in the same instant.
        expected_stage: Refuse unless the version is in this stage.
        reason: Why, for the history.
        actor: Who does it; default: the user that the store was opened by.
        store: As `Tracking(store=...)`.

    Raises:
        Conflict: the version is not in `expected_stage`.
        GateRefused: the gate is shut; `decision` is its table.
        NotFound: there is no such model or version.
    """
    registry = registry_here(store, actor)
    gate = Gate(
        registry=registry,
        model=model,
        version=newest_version(registry, model, version),
        stage=stage,
        archive_existing=archive_existing,
    )
    promotion = Promotion(gate, expected_stage=expected_stage, reason=reason)
    transaction = get_transaction()
    if transaction is None:
        promotion.make()
        return gate.version

    def promote_on_commit(transaction: Any) -> None:
        promotion.make()

    def take_back_promotion(transaction: Any) -> None:
        promotion.take_back(ROLLED_BACK)

    transaction.on_rollback_hooks.append(take_back_promotion)
    if transaction.get_parent() is None:
        # That of the task itself. What is raised while it is committed, Prefect logs and calls the task completed.
        promotion.make()
    else:
        promotion.check()
        transaction.on_commit_hooks.append(promote_on_commit)
    return gate.version


@task(name="rollback", task_run_name="{stage} of {model}", cache_policy=NO_CACHE)
def rollback(
    model: str,
    stage: str,
    *,
    reason: str | None = None,
    actor: str | None = None,
    store: Store | None = None,
) -> int:
    """Give a stage back to the version that held it before; that version.

    Args:
        model: A registered model.
        stage: The stage.
        reason: Why, for the history.
        actor: Who does it; default: the user that the store was opened by.
        store: As `Tracking(store=...)`.

    Raises:
        NotAllowed: the actor may not move versions there.
        NotFound: the stage is empty, or no version was in it before.
    """
    return int(registry_here(store, actor).rollback(model, stage, reason=reason).version)
