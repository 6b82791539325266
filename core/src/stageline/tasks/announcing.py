"""What this process does to the registry, for an orchestrator's event feed."""

from __future__ import annotations

from stageline.registry.announcing import on_transition

__all__ = ["on_transition"]
