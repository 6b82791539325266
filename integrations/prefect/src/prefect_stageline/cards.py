"""Runs in Prefect's UI: a card, a table of metrics and a link, as artifacts of the task run or the flow run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from prefect.client.schemas.actions import ArtifactCreate

from prefect_stageline.publishing import PUBLISHER
from stageline import ActiveRun, Run, get_workspace
from stageline.tasks import PipelineIdentity, metric_rows, run_facts, run_rows
from stageline.tasks import card_markdown as markdown_of

if TYPE_CHECKING:
    from stageline.tasks import TaskCall, TaskWorkspace

FIRST = 10
"""Runs of one task in one flow run that get a card by themselves: the flow's card has a table of all of them."""
FLOW_WAITS_S = 20.0
"""A flow run that ends waits so long, at most, for its cards."""
_LONGEST_KEY = 100
# No name of anybody's: Prefect reads these as Markdown.
_TOLD = {
    "card": "What Stageline recorded of the run",
    "metrics": "What the run, or the runs in it, measured",
    "page": "The page of the run",
}

_lock = threading.Lock()
_counted: OrderedDict[tuple[str | None, str], int] = OrderedDict()


def card_markdown(run: ActiveRun | Run | str, workspace: TaskWorkspace | None = None) -> str:
    """The card of a run as Markdown, for wherever Prefect shows it, such as the question of a pause.

    Args:
        run: A run, or its id.
        workspace: Where it is recorded; default: the process's.

    Raises:
        NotFound: there is no such run.
    """
    run_id = (
        run
        if isinstance(run, str)
        else run.run_id
        if isinstance(run, ActiveRun)
        else run.info.run_id
    )
    where = workspace or get_workspace()
    return markdown_of(run_facts(where, run_id, with_children=True), page=_page(where, run_id))


def show_card(call: TaskCall, workspace: TaskWorkspace) -> None:
    """The run of `call` has ended: show it, if its tracking says so, when there is a pause in the work."""
    PUBLISHER.note_work()
    card = call.tracking.card
    is_flow = isinstance(call.identity, PipelineIdentity)
    if card is False or (card == "auto" and not is_flow and _is_one_of_many(call)):
        return
    PUBLISHER.publish(
        partial(_artifacts, call, workspace), f"the run of {call.identity.display_name}"
    )


def show_flow_card(call: TaskCall, workspace: TaskWorkspace) -> None:
    """The same for a flow run, which waits for all of its cards; not in an event loop, where others would wait too."""
    show_card(call, workspace)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        wait_for_cards()


def wait_for_cards(timeout_s: float = FLOW_WAITS_S) -> bool:
    """Wait until what was to be shown is there; False if it takes longer."""
    return PUBLISHER.wait(timeout_s)


def _is_one_of_many(call: TaskCall) -> bool:
    identity = call.identity
    key = (identity.pipeline_run, getattr(identity, "task", ""))
    with _lock:
        seen = _counted[key] = _counted.pop(key, 0) + 1
        if len(_counted) > 1000:
            _counted.popitem(last=False)
    # Outside of a flow each is somebody's only one.
    return seen > FIRST and identity.pipeline_run is not None


def _artifacts(call: TaskCall, workspace: TaskWorkspace) -> list[ArtifactCreate]:
    run_id = call.identity.run_id
    is_flow = isinstance(call.identity, PipelineIdentity)
    facts = run_facts(workspace, run_id, with_children=is_flow)
    if call.tracking.card == "auto" and not facts.tells_something:
        return []
    page = _page(workspace, run_id)
    made = [_artifact(call, "card", "markdown", markdown_of(facts, page=page))]
    rows = run_rows(facts.children) if facts.children else metric_rows(facts)
    if rows:
        made.append(_artifact(call, "metrics", "table", json.dumps(rows)))
    if page:
        made.append(_artifact(call, "page", "markdown", f"[{run_id}]({page})"))
    return made


def _artifact(call: TaskCall, kind: str, form: str, data: str) -> ArtifactCreate:
    identity = call.identity
    task = getattr(identity, "task", "")
    return ArtifactCreate(
        type=form,
        key=artifact_key(*(part for part in ("stageline", kind, identity.pipeline, task) if part)),
        description=_TOLD[kind],
        data=data,
        task_run_id=getattr(identity, "task_run", None),
        flow_run_id=identity.pipeline_run,
    )


def artifact_key(*words: str) -> str:
    """A key as Prefect allows them, of lower-case letters, digits and dashes: the same for the same words.

    >>> artifact_key("card", "Train it!")
    'card-train-it'
    >>> artifact_key("card", "训练")
    'card-f952fe49'
    """
    key = "-".join(
        filter(None, (re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in words))
    )
    # What is left of them must still tell them apart.
    if len(key) > _LONGEST_KEY or any(not re.search(r"[A-Za-z0-9]", word) for word in words):
        return f"{key[:_LONGEST_KEY]}-{hashlib.sha256(repr(words).encode()).hexdigest()[:8]}"
    return key


def _page(workspace: TaskWorkspace, run_id: str) -> str:
    url = workspace.settings.ui_url.rstrip("/")
    return f"{url}/runs/{run_id}" if url else ""


__all__ = ["card_markdown", "show_card", "show_flow_card", "wait_for_cards"]
