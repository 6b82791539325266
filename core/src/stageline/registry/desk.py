"""What every part of the registry has at hand: the ledger, the facts, and on whose behalf it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from stageline.domain.decisions import check_active
from stageline.domain.model import Actor
from stageline.domain.registry_names import check_comment, check_label, check_model_name
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stageline.domain.registry_events import KnownEvent
    from stageline.domain.registry_state import ModelState
    from stageline.registry.facts import ModelFacts
    from stageline.registry.ledger import Change, Context, Ledger

Self = TypeVar("Self", bound="Desk")


class Desk:
    """One view of a store's registry, which writes in the name of one actor."""

    def __init__(self, ledger: Ledger, facts: ModelFacts, context: Context) -> None:
        self._ledger = ledger
        self._facts = facts
        self._context = context

    def acting(
        self: Self,
        actor: str | Actor | None = None,
        *,
        run_id: str | None = None,
        link: str | None = None,
        reason: str | None = None,
    ) -> Self:
        """The same registry, where each entry says that `actor` did it, from which run and orchestrator's page.

        An integration calls this once; what is not given stays as it is.
        """
        context = self._doing(reason, actor)
        if run_id is not None:
            context = msgspec.structs.replace(context, run_id=run_id)
        if link is not None:
            context = msgspec.structs.replace(context, link=link)
        return self._in(context)

    def _in(self: Self, context: Context) -> Self:
        """The same, writing in another context."""
        return type(self)(self._ledger, self._facts, context)

    @property
    def actor(self) -> Actor:
        """In whose name this writes."""
        return self._context.actor

    def _doing(self, reason: str | None = None, actor: str | Actor | None = None) -> Context:
        context = self._context
        if reason is not None:
            context = msgspec.structs.replace(context, reason=check_comment("reason", reason))
        if actor is not None:
            named = Actor(actor) if isinstance(actor, str) else actor
            check_label("actor", named.name)
            context = msgspec.structs.replace(context, actor=named)
        return context

    def _state(self, name: str) -> ModelState:
        """What stands now, whether or not there is a model."""
        return self._ledger.state(check_model_name(name))

    def _active(self, name: str) -> ModelState:
        """What stands now. Raises `NotFound`."""
        state = self._state(name)
        check_active(state)
        return state

    def _states(self) -> list[ModelState]:
        """All models by name: one listing, and a read for each entry that was not seen before."""
        newest = sorted(self._ledger.newest().items())
        found = together(lambda one: self._ledger.at(*one).state, newest)
        return [state for state in found if state.is_active]

    def _change(
        self,
        name: str,
        decide: Callable[[ModelState], Sequence[KnownEvent]],
        context: Context | None = None,
    ) -> Change:
        return self._ledger.change(check_model_name(name), decide, context or self._context)
