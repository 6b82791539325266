"""A promotion that belongs to other work: made when that is done, taken back if that fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stageline.errors import Conflict, NotFound

if TYPE_CHECKING:
    from stageline.tasks.gates import Gate

_log = logging.getLogger("stageline")


class Promotion:
    """One version's way through a gate. For an orchestrator's transaction, which calls these in turn."""

    def __init__(self, gate: Gate, *, expected_stage: str | None, reason: str | None) -> None:
        self._gate = gate
        self._expected = expected_stage
        self._reason = reason
        self._is_made = False

    def check(self) -> None:
        """Refuse now what would be refused later, and from here on expect the version where it is. Writes nothing.

        Raises:
            GateRefused: the gate is shut.
            NotFound: there is no such model or version.
        """
        gate = self._gate
        if gate.is_behind:
            return
        decision = gate.decide()
        if not decision.allowed:
            raise gate.refusal(decision)
        self._expected = self._expected or decision.from_stage

    def make(self) -> None:
        """Bring the version into the stage. Nothing happens if it is there.

        Raises:
            Conflict: it is not where it was expected.
            GateRefused: the gate is shut; the refused request is recorded.
        """
        gate = self._gate
        if gate.is_behind:
            return
        gate.registry.transition(
            gate.model,
            gate.version,
            gate.stage,
            archive_existing=gate.archive_existing,
            expected_stage=self._expected,
            reason=self._reason,
        )
        self._is_made = True

    def take_back(self, reason: str) -> None:
        """Undo it, if it was made; what others did since stays, which is told."""
        if not self._is_made:
            return
        gate = self._gate
        try:
            gate.registry.take_back(gate.model, gate.version, gate.stage, reason=reason)
        except (Conflict, NotFound) as error:
            _log.warning("a promotion is not taken back: %s", error)
        self._is_made = False
