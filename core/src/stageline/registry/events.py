"""Transitions as they happen, for whoever starts work on them: in order, resumable, cheap to ask for again."""

from __future__ import annotations

import base64
import binascii
import heapq
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.registry_names import check_model_name
from stageline.errors import InvalidInput
from stageline.registry.history import History
from stageline.registry.transitions import TransitionEvent, transitions_in
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Events", "Followed", "TransitionEvent", "decode_cursor", "encode_cursor"]


class Followed(NamedTuple):
    """What happened since a cursor, and the cursor to ask with next."""

    events: list[TransitionEvent]
    cursor: str


class Events(History):
    """Transitions of all models, as a feed."""

    def follow(
        self,
        since: str | None = None,
        *,
        name: str | None = None,
        limit: int | None = None,
        sees: Callable[[str], bool] | None = None,
    ) -> Followed:
        """The transitions since a cursor: those of one model in their order, those of several merged by their times.

        One listing, and a read for each entry that is new. No transition is left out, whatever the clocks say.

        Args:
            since: The cursor of an earlier answer; None for all that ever happened.
            name: Only this model's.
            limit: Stop after about so many; the cursor goes on from there. The transitions of one entry stay together.
            sees: Whether a model is told of, by name. Entries of others are not read, nor named by the cursor.

        Raises:
            InvalidInput: the cursor is not one.
        """
        seen = _seen(decode_cursor(since), sees)
        if name is not None:
            name = check_model_name(name)
            numbers = self._ledger.journal(name).numbers()
            newest = {name: numbers[-1]} if numbers else {}
        else:
            newest = self._ledger.newest()
        newest = _seen(newest, sees)
        # Numbers have no gaps, so a listing that lacks one does not hide its entry.
        feeds = [
            self._since(model, seen.get(model, 0), newest[model], limit) for model in sorted(newest)
        ]
        events: list[TransitionEvent] = []
        for _, model, number, changes in heapq.merge(*feeds):
            if limit is not None and len(events) >= limit:
                break
            events += changes
            seen[model] = number
        return Followed(events, encode_cursor(seen))

    def cursor(self, *, sees: Callable[[str], bool] | None = None) -> str:
        """The cursor of now: `follow` with it tells only what happens from here on. One listing."""
        return encode_cursor(_seen(self._ledger.newest(), sees))

    def _since(
        self, name: str, seen: int, newest: int, limit: int | None
    ) -> Iterator[tuple[tuple[int, int], str, int, list[TransitionEvent]]]:
        """Each new entry with its transitions, under a time that does not go back within one model."""
        latest = 0
        step = 64 if limit is None else min(limit, 64)
        for start in range(seen + 1, newest + 1, step):
            numbers = range(start, min(start + step, newest + 1))
            for number, changes, time in together(lambda n: self._transitions(name, n), numbers):
                latest = max(latest, time)
                yield (latest, 0), name, number, changes

    def _transitions(self, name: str, number: int) -> tuple[int, list[TransitionEvent], int]:
        entry = self._ledger.entry(name, number)[0]
        changes = transitions_in(name, entry)
        return number, changes, entry.time


def _seen(entries: dict[str, int], sees: Callable[[str], bool] | None) -> dict[str, int]:
    return entries if sees is None else {name: n for name, n in entries.items() if sees(name)}


def encode_cursor(seen: dict[str, int]) -> str:
    """A cursor: by model, the entry of its journal up to which all was told."""
    return base64.urlsafe_b64encode(msgspec.json.encode(dict(sorted(seen.items())))).decode()


def decode_cursor(cursor: str | None) -> dict[str, int]:
    """The inverse of `encode_cursor`; nothing was told before the first. Raises `InvalidInput`."""
    if not cursor:
        return {}
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True)
        seen = msgspec.json.decode(text, type=dict[str, int])
    except (TypeError, ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(
            f"Invalid cursor {str(cursor)[:100]!r}: expected the cursor of an earlier answer, unchanged"
        ) from error
    if any(number < 0 for number in seen.values()):
        raise InvalidInput("Invalid cursor: it counts below zero")
    return seen
