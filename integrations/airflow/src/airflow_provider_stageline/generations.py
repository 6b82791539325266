"""Which of its runs a task instance goes on with: a retry resumes its run, a cleared task too unless it has changed.

What is known of the try before stands in the tags of the run, and from the second try on in Airflow's task state store
too, where there is one (3.3 and later): telling it at the first would cost every task a request to Airflow's server,
which is more than all of tracking. A task instance is cleared if Airflow grants it more tries than the try before was
told of.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.identity import task_identity, task_instance_identity
from stageline.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from stageline import Workspace
    from stageline.tasks import Session

STATE_KEY = "stageline"
TAG_FINGERPRINT = "stageline.fingerprint"
"""Of the code and the params of the run."""
TAG_SUPERSEDES = "stageline.supersedes"
"""The run that this one is in the place of: the task was cleared, and its code or params are others now."""
TAG_TRIES = "airflow.max_tries"
MOST = 1000
"""Generations: one for each clear that changed something."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What a try leaves to the next one."""

    number: int = 0
    """How often the task was cleared and then ran with other code or params."""
    run_id: str
    fingerprint: str
    max_tries: int
    supersedes: str = ""

    def tags(self) -> dict[str, str]:
        """What the run says of it."""
        tags = {TAG_FINGERPRINT: self.fingerprint, TAG_TRIES: str(self.max_tries)}
        return {**tags, TAG_SUPERSEDES: self.supersedes} if self.supersedes else tags


def generation_of(
    context: Context, fingerprint: str, open_session: Callable[[], Session]
) -> Generation:
    """The generation that this try belongs to; the next try will find it.

    Raises:
        StorageFailed: the store is needed to know, and is away.
    """
    ti: Any = context["ti"]
    state: Any = context.get("task_state_store")
    max_tries = int(ti.max_tries or 0)
    if ti.try_number <= 1:
        return _next(context, None, fingerprint, max_tries)
    known = _from_state(state)
    chosen = _next(context, known or _from_runs(context, open_session), fingerprint, max_tries)
    if state is not None and chosen != known:
        state.set(STATE_KEY, asdict(chosen))
    return chosen


def last_run_of(
    workspace: Workspace, dag_id: str, run_id: str, task_id: str, map_index: int
) -> str | None:
    """The run of a task instance; of the several that it has if it was cleared and then changed, the last."""
    last = None
    for number in range(MOST):
        found = task_instance_identity(dag_id, run_id, task_id, map_index, number).run_id
        try:
            workspace.runs.get(found)
        except NotFound:
            break
        last = found
    return last


def _next(
    context: Context, before: Generation | None, fingerprint: str, max_tries: int
) -> Generation:
    number, supersedes = 0, ""
    if before is not None:
        number, supersedes = before.number, before.supersedes
        # A retry is the same run whatever its arguments say: they may hold the number of the try.
        if before.max_tries != max_tries and before.fingerprint != fingerprint:
            number, supersedes = before.number + 1, before.run_id
    run_id = task_identity(context, number).run_id
    return Generation(
        number=number, run_id=run_id, fingerprint=fingerprint, max_tries=max_tries,
        supersedes=supersedes,
    )  # fmt: skip


def _from_state(state: Any) -> Generation | None:
    found = None if state is None else state.get(STATE_KEY)
    return None if found is None else Generation(**found)


def _from_runs(context: Context, open_session: Callable[[], Session]) -> Generation | None:
    runs = open_session().workspace.runs
    last = None
    for number in range(MOST):
        run_id = task_identity(context, number).run_id
        try:
            tags = runs.get(run_id).data.tags
        except NotFound:
            break
        last = Generation(
            number=number,
            run_id=run_id,
            fingerprint=tags.get(TAG_FINGERPRINT, ""),
            max_tries=int(tags.get(TAG_TRIES, "-1")),
            supersedes=tags.get(TAG_SUPERSEDES, ""),
        )
    return last
