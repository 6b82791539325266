"""Values of the domain as the JSON of `/api/stageline/1` has them, where the two are not alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stageline.server.api.gate_shapes import Policy as PolicyShape
from stageline.server.api.request_shapes import Request, Transition
from stageline.server.api.run_shapes import RunInfo

if TYPE_CHECKING:
    from stageline.domain.policy import Policy
    from stageline.domain.registry_events import TransitionRequest
    from stageline.domain.run import Run
    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.transitions import TransitionEvent


def history_entry(entry: HistoryEntry) -> dict[str, Any]:
    """An entry, with its events as they are recorded."""
    told = msgspec.structs.asdict(entry)
    del told["stored_state"]
    events = [msgspec.to_builtins(getattr(event, "raw", event)) for event in entry.events]
    return {**told, "summary": entry.summary, "events": events}


def request(name: str, asked: TransitionRequest) -> Request:
    """A request, with the name of its model."""
    return Request.model_validate({"name": name, **msgspec.structs.asdict(asked)})


def transition(event: TransitionEvent) -> Transition:
    """A transition."""
    return Transition.model_validate(event)


def policy(set_policy: Policy | None) -> PolicyShape | None:
    """A policy; its rules say of what kind they are."""
    if set_policy is None:
        return None
    return PolicyShape.model_validate_json(msgspec.json.encode(set_policy))


def run_info(run: Run) -> RunInfo:
    """A run, without what it measured."""
    told = msgspec.structs.asdict(run.info)
    more = {"parent_run_id": run.parent_run_id, "attempts": run.attempts}
    return RunInfo.model_validate({**told, **more})
