"""A callable as a tracked run: what every orchestrator integration shares.

An integration says who calls (`TaskIdentity`), what to record (`Tracking`) and where (`Session`), and
lets one of the four `tracked_*` functions run the task. The names are loaded when they are first used:
an orchestrator that only parses pipelines pays for none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.tasks.card import card_markdown, metric_rows, run_rows
    from stageline.tasks.environment import run_environment
    from stageline.tasks.facts import RunFacts, run_facts
    from stageline.tasks.identity import PipelineIdentity, TaskIdentity, pipeline_run_id
    from stageline.tasks.options import Tracking
    from stageline.tasks.parent import end_parent, fail_parent, find_parent, open_parent
    from stageline.tasks.record import (
        tracked_async_call,
        tracked_async_generator,
        tracked_call,
        tracked_generator,
    )
    from stageline.tasks.recording import Recording
    from stageline.tasks.session import Session, TaskCall, TaskWorkspace
    from stageline.tasks.unfinished import end_unfinished, is_unfinished

_ROOMS: dict[str, str] = {
    "PipelineIdentity": "identity",
    "Recording": "recording",
    "RunFacts": "facts",
    "Session": "session",
    "TaskCall": "session",
    "TaskWorkspace": "session",
    "TaskIdentity": "identity",
    "Tracking": "options",
    "card_markdown": "card",
    "end_parent": "parent",
    "end_unfinished": "unfinished",
    "fail_parent": "parent",
    "find_parent": "parent",
    "is_unfinished": "unfinished",
    "metric_rows": "card",
    "open_parent": "parent",
    "pipeline_run_id": "identity",
    "run_environment": "environment",
    "run_facts": "facts",
    "run_rows": "card",
    "tracked_async_call": "record",
    "tracked_async_generator": "record",
    "tracked_call": "record",
    "tracked_generator": "record",
}

__all__ = [
    "PipelineIdentity",
    "Recording",
    "RunFacts",
    "Session",
    "TaskCall",
    "TaskIdentity",
    "TaskWorkspace",
    "Tracking",
    "card_markdown",
    "end_parent",
    "end_unfinished",
    "fail_parent",
    "find_parent",
    "is_unfinished",
    "metric_rows",
    "open_parent",
    "pipeline_run_id",
    "run_environment",
    "run_facts",
    "run_rows",
    "tracked_async_call",
    "tracked_async_generator",
    "tracked_call",
    "tracked_generator",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stageline.tasks' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"stageline.tasks.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
