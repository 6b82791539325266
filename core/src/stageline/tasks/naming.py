"""What the run of a task is called where people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stageline.domain.redaction import MASK
from stageline.tasks.identity import PipelineIdentity

if TYPE_CHECKING:
    from stageline.tasks.session import TaskCall


def run_name_of(call: TaskCall, params: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """The name that the tracking gives the run, or else the orchestrator.

    Args:
        call: The task.
        params: Its arguments.
        texts: The same as they are recorded, without secrets.
    """
    identity, template = call.identity, call.tracking.run_name
    name = identity.pipeline if isinstance(identity, PipelineIdentity) else identity.task
    if template is None:
        return identity.display_name or name
    known = {"task": name, "pipeline": identity.pipeline, "index": getattr(identity, "index", None)}
    # As numbers, so that `{alpha:.2f}` works.
    numbers = {key: value for key, value in params.items() if isinstance(value, (int, float))}
    shown = {key: numbers.get(key, text) if text != MASK else MASK for key, text in texts.items()}
    return template.format_map({**known, **shown})
