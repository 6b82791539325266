"""The record that begins a run's log: which run, of which experiment, when, and who runs it where."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.run import TAG_HOST, TAG_PARENT_RUN_ID, TAG_RUN_NAME, TAG_USER
from stageline.domain.run_names import invented_name, render_name
from stageline.tracking.texts import fitting_tag_text, fitting_tags
from stageline.tracking.writer import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.clock import Clock


def first_record(
    run_id: str,
    experiment_id: str | None,
    experiment_name: str | None,
    *,
    user: str | None,
    clock: Clock,
    run_name: str | None = None,
    tags: Mapping[str, Any] | None = None,
    parent_run_id: str | None = None,
    start_time: int | None = None,
) -> ev.Started:
    """The first record of a run. What it is not told it finds out: name, account, host, time.

    Args:
        run_id: The run, whose id was checked.
        experiment_id: Its experiment; None if only the name is known.
        experiment_name: The same by name.
        user: Who runs it; the account of this process if not given.
        clock: The writer's.
        run_name: Its name, which may hold fields such as `{date}`; invented if not given.
        tags: First tags.
        parent_run_id: The run that this one is nested in.
        start_time: Unix time in milliseconds; now if not given.

    Raises:
        InvalidInput: a name, tag, id or time breaks a rule.
    """
    given = fitting_tags(tags or {})
    given.setdefault(TAG_USER, user or login_name())
    given.setdefault(TAG_HOST, HOST)
    began = clock.now_ms() if start_time is None else names.check_timestamp(start_time)
    template = run_name or given.get(TAG_RUN_NAME)
    if template is None:
        given[TAG_RUN_NAME] = invented_name(os.urandom(8))
    else:
        template = fitting_tag_text(TAG_RUN_NAME, template)
        fields: dict[str, object] = {}
        if "{" in template:
            fields = {
                "user": given[TAG_USER],
                "experiment": experiment_name or experiment_id or "",
                "date": time.strftime("%Y-%m-%d", time.localtime(began / 1000)),
                "time": time.strftime("%H-%M-%S", time.localtime(began / 1000)),
                "run_id": run_id,
            }
        given[TAG_RUN_NAME] = render_name(template, fields)
    if parent_run_id:
        given[TAG_PARENT_RUN_ID] = names.check_run_id(parent_run_id)
    return ev.Started(clock.stamp(), run_id, experiment_id, experiment_name, began, given)


@lru_cache(maxsize=1)
def login_name() -> str:
    """Who runs this process, as it was told at first."""
    told = os.environ.get("USER") or os.environ.get("LOGNAME")
    return told or _account_name() or f"uid-{os.getuid()}"


def _account_name() -> str:
    """What the system calls the user; empty for a number without a name, such as containers may run as."""
    import pwd  # late: a login shell tells the name

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
