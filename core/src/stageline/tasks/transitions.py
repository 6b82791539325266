"""A transition of the registry as plain values: what an orchestrator's event about it carries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stageline.domain.registry_events import StageChanged
from stageline.errors import NotFound
from stageline.registry.transitions import TransitionEvent, transition_of

if TYPE_CHECKING:
    from stageline.registry.registry import Registry

MOST_METRICS = 100


def transition_values(registry: Registry, event: TransitionEvent) -> dict[str, Any]:
    """What happened, and what the version is: its run and metrics. Goes through JSON.

    `key` is the same for the same transition, whoever tells it and how often: what to deduplicate by. A version that
    is gone by now has no run and no metrics.
    """
    told: dict[str, Any] = {
        "key": event.key,
        "model": event.name,
        "version": event.version,
        "uri": f"models:/{event.name}/{event.version}",
        "from_stage": event.from_stage,
        "stage": event.to_stage,
        "cause": event.cause,
        "actor": event.actor,
        "reason": event.reason,
        "time": event.time,
        "link": event.link,
    }
    try:
        version = registry.get_version(event.name, event.version)
    except NotFound:
        return {**told, "run_id": None, "metrics": {}}
    metrics = sorted(registry.facts_of(version).metrics.items())[:MOST_METRICS]
    finite = {key: value for key, value in metrics if math.isfinite(value)}
    return {**told, "run_id": version.run_id, "metrics": finite}


def last_transition(registry: Registry, name: str, version: int) -> TransitionEvent | None:
    """How a version came to where it is; None if it never left its first stage. Raises `NotFound`."""
    for entry in registry.backwards(name):
        for event in entry.events:
            if isinstance(event, StageChanged) and event.version == version:
                return transition_of(entry.name, entry, event)
    return None
