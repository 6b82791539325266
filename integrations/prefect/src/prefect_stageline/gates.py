"""Gates of the registry as tasks: require that a version may enter a stage, or ask that it may.

Each is a task wherever it is called; inside of other tasks its `.fn` is the plain function, without a task run.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

from prefect import task
from prefect.cache_policies import NO_CACHE

from prefect_stageline.approvals import wait_for_approval
from prefect_stageline.here import newest_version, registry_here, workspace_here
from prefect_stageline.skipping import SkippableTask, skipped
from prefect_stageline.stores import Store
from stageline.errors import InvalidInput
from stageline.tasks import Gate

OnBlock = Literal["fail", "skip", "pause"]


def _require_stage(
    model: str,
    stage: str,
    *,
    version: int | str | None = None,
    on_block: OnBlock = "fail",
    archive_existing: bool = False,
    timeout_s: float = 3600,
    poll_interval_s: int = 10,
    comment: str | None = None,
    actor: str | None = None,
    store: Store | None = None,
) -> int:
    """Go on only if a version is in a stage, or its gate is open for it; the version.

    Args:
        model: A registered model.
        stage: The stage.
        version: The version; default: the newest.
        on_block: What to do if the gate is shut. `fail`. `skip`: end Cancelled, by the name of Skipped, so that what
            depends on this does not run; where it is called and not submitted, `CancelledRun` is raised. `pause`: if
            nothing but an approval is missing, ask for it in the registry, pause the flow run, and show the gate to
            whoever resumes it; approved, the version is in the stage.
        archive_existing: Whether its entering is to archive what holds the stage.
        timeout_s: Seconds that an answer is waited for; then the request is withdrawn and this fails.
        poll_interval_s: Seconds between two looks for the answer.
        comment: Of the request.
        actor: Who asks; default: the user that the store was opened by.
        store: As `Tracking(store=...)`; default: that of the tracked flow or task here, or of the process.

    Raises:
        GateRefused: the gate is shut, or somebody said no; `decision` is its table.
        NotFound: there is no such model or version.
        NotAllowed: nobody answered in time.
    """
    if on_block not in get_args(OnBlock):
        raise InvalidInput(
            f"require_stage(on_block={on_block!r}): should be one of {', '.join(map(repr, get_args(OnBlock)))}"
        )
    registry = registry_here(store, actor)
    number = newest_version(registry, model, version)
    gate = Gate(
        registry=registry,
        model=model,
        version=number,
        stage=stage,
        archive_existing=archive_existing,
    )
    if gate.is_behind:
        return number
    decision = gate.decide()
    if decision.allowed:
        return number
    if on_block == "skip":
        return cast("int", skipped(str(gate.refusal(decision))))
    if on_block == "fail" or not decision.lacks_only_approval:
        raise gate.refusal(decision)
    wait_for_approval(
        gate,
        workspace_here(store),
        comment=comment,
        timeout_s=timeout_s,
        poll_interval_s=poll_interval_s,
    )
    return number


require_stage = SkippableTask(
    _require_stage,
    name="require stage",
    task_run_name="{model} for {stage}",
    cache_policy=NO_CACHE,
)


@task(name="request transition", task_run_name="{model} for {stage}", cache_policy=NO_CACHE)
def request_transition(
    model: str,
    stage: str,
    *,
    version: int | str | None = None,
    archive_existing: bool = False,
    comment: str | None = None,
    actor: str | None = None,
    store: Store | None = None,
) -> int:
    """Ask that a version may enter a stage, and do not wait; the number of the request.

    Args:
        model: A registered model.
        stage: The stage.
        version: The version; default: the newest.
        archive_existing: Whether its entering is to archive what holds the stage.
        comment: Why.
        actor: Who asks; default: the user that the store was opened by.
        store: As `Tracking(store=...)`.

    Raises:
        AlreadyExists: somebody else's request for the same is open.
        GateRefused: no approval could let it in; the refused request is recorded.
        InvalidInput: the version is in the stage.
        NotFound: there is no such model or version.
    """
    registry = registry_here(store, actor)
    number = newest_version(registry, model, version)
    asked = registry.request_transition(
        model, number, stage, archive_existing=archive_existing, comment=comment
    )
    return int(asked.number)
