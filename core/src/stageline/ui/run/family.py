"""The runs around a run: its parent, the runs nested in it, and the last runs of the same task, flow or experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Comparison, Entity, Operator
from stageline.domain.run import TAG_PARENT_RUN_ID, Run, RunStatus, ViewType
from stageline.domain.task_tags import TAG_PIPELINE, TAG_TASK, TAG_TASK_INDEX
from stageline.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from stageline.workspace import Workspace

MOST_CHILDREN = 200
LAST_RUNS = 30
OUTLIER = 5


class Bar(NamedTuple):
    """One run in the strip of the last ones."""

    run_id: str
    name: str
    status: RunStatus
    start_time: int
    duration_ms: int
    height: int
    """Percent: a hundred is the longest, or `OUTLIER` times the middle one."""
    is_this: bool


class Family(NamedTuple):
    """The runs around one."""

    parent_id: str | None
    parent: Run | None
    """None also where the parent is gone."""
    children: list[Run]
    """The first of them, the oldest first."""
    has_more_children: bool
    last: list[Bar]
    """The oldest first."""
    last_of: str
    """What they are the last runs of."""


def read_family(workspace: Workspace, run: Run, now_ms: int) -> Family:
    """A run, and two questions to the search index of its experiment."""
    for active in workspace.runs.open_runs():
        active.stream.publish_news()
    children = _matching(
        workspace, run, [_tag(TAG_PARENT_RUN_ID, run.info.run_id)], MOST_CHILDREN + 1, True
    )
    alike, last_of = _alike(run)
    last = _matching(workspace, run, alike, LAST_RUNS, False)
    return Family(
        parent_id=run.parent_run_id,
        parent=find_run(workspace, run.parent_run_id),
        children=sorted(children[:MOST_CHILDREN], key=lambda child: child.info.start_time),
        has_more_children=len(children) > MOST_CHILDREN,
        last=_bars(last, run.info.run_id, now_ms),
        last_of=last_of,
    )


def find_run(workspace: Workspace, run_id: str | None) -> Run | None:
    """The run; None if there is none, or if what should be an id never was one."""
    if not run_id:
        return None
    try:
        return workspace.runs.get(run_id)
    except (NotFound, InvalidInput):
        return None


def _alike(run: Run) -> tuple[list[Comparison], str]:
    """What the runs have in common that are looked at beside this one."""
    tags = run.data.tags
    pipeline, task = tags.get(TAG_PIPELINE), tags.get(TAG_TASK)
    if task:
        index = tags.get(TAG_TASK_INDEX)
        same = [_tag(TAG_TASK, task)]
        if pipeline:
            same.append(_tag(TAG_PIPELINE, pipeline))
        if index:
            same.append(_tag(TAG_TASK_INDEX, index))
        return same, f"of the task {task}"
    if pipeline:
        none = Comparison(Entity.TAG, TAG_TASK, Operator.IS_NULL, None)
        return [_tag(TAG_PIPELINE, pipeline), none], f"of {pipeline}"
    if run.parent_run_id:
        return [_tag(TAG_PARENT_RUN_ID, run.parent_run_id)], "of the same parent"
    return [Comparison(Entity.TAG, TAG_PARENT_RUN_ID, Operator.IS_NULL, None)], "of this experiment"


def _tag(key: str, value: str) -> Comparison:
    return Comparison(Entity.TAG, key, Operator.EQ, value)


def _matching(
    workspace: Workspace, run: Run, asked: list[Comparison], limit: int, refresh: bool
) -> list[Run]:
    found = workspace.index.matching(
        [run.info.experiment_id], asked, ViewType.ACTIVE_ONLY, limit=limit, refresh=refresh
    )
    return [one.to_run(workspace.runs.artifact_uri(one.run_id)) for one in found]


def _bars(runs: list[Run], this: str, now_ms: int) -> list[Bar]:
    spans = [max((run.info.end_time or now_ms) - run.info.start_time, 0) for run in runs]
    # A run that hung must not flatten all others.
    longest = (
        min(max(spans, default=0), OUTLIER * sorted(spans)[len(spans) // 2] if spans else 0) or 1
    )
    bars = [
        Bar(
            run_id=run.info.run_id,
            name=run.info.run_name or run.info.run_id,
            status=run.info.status,
            start_time=run.info.start_time,
            duration_ms=span,
            height=min(max(round(100 * span / longest), 8), 100),
            is_this=run.info.run_id == this,
        )
        for run, span in zip(runs, spans, strict=True)
    ]
    return bars[::-1]
