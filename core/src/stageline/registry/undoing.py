"""The use case of taking one promotion back, as when the work around it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain import decisions
from stageline.domain.registry_names import canonical_stage, check_version
from stageline.domain.take_back import decide_take_back, entering
from stageline.errors import NotFound
from stageline.registry.events import Events

if TYPE_CHECKING:
    from stageline.domain.model import Actor, ModelVersion


class Undoing(Events):
    """Promotions that are taken back."""

    def take_back(
        self,
        name: str,
        version: int | str,
        stage: str,
        *,
        reason: str | None = None,
        actor: str | Actor | None = None,
    ) -> ModelVersion:
        """Undo the entry by which a version entered a stage: it returns, and so do those that it had replaced.

        Unlike `rollback`, which gives a stage to whoever held it before, this leaves no trace but in the history.

        Raises:
            Conflict: a version that it moved has been moved since; nothing is changed.
            NotAllowed: the actor may not move versions there.
            NotFound: there is no such version, or it never entered the stage.
        """
        number, context = check_version(version), self._doing(reason, actor)
        state = self._active(name)
        decisions.get_version(state, number)
        to = canonical_stage(stage, state.stages)
        entries = (entering(entry.events, number, to) for entry in self.backwards(name))
        moves = next((found for found in entries if found is not None), None)
        if moves is None:
            raise NotFound(f"version {number} of {name!r} never entered {to}")
        deed = self._deed(context)
        change = self._change(name, lambda now: decide_take_back(now, moves, deed), context)
        return decisions.get_version(change.state, number)
