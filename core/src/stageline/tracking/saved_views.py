"""Views of an experiment's runs that somebody saved, and choices of runs too long for a URL. Shared by all users."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.names import check_run_id
from stageline.errors import InvalidInput, NotFound
from stageline.storage import layout
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

VIEW_FORMAT = "stageline.view/1"
CHOICE_FORMAT = "stageline.choice/1"
LONGEST_NAME = 100
LONGEST_QUERY = 8_000
"""Characters: about what servers and browsers take for a URL."""
MOST_RUNS = 10_000

_ID = re.compile(r"[0-9a-f]{10}")


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody looked at the runs of an experiment."""

    format: str = VIEW_FORMAT
    view_id: str
    name: str
    query: str
    """What the page's URL says behind its question mark."""
    actor: str
    """Who saved it last."""
    time: int
    """Unix time in milliseconds."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that belong together for a moment."""

    format: str = CHOICE_FORMAT
    run_ids: list[str]


class SavedViews:
    """Those of one store. Safe from many threads and hosts: of two who save one name, the last stays."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def named(self, experiment_id: str) -> list[SavedView]:
        """Those that have a name, by name: one listing, and a read for each."""
        entries = self._store.list(layout.saved_views(experiment_id))
        found = together(lambda entry: self._find(entry.key), entries)
        return sorted((view for view in found if view), key=lambda view: view.name.lower())

    def get(self, experiment_id: str, view_id: str) -> SavedView:
        """The view. Raises `NotFound`."""
        found = self._find(layout.saved_view(experiment_id, _checked(view_id)))
        if found is None:
            raise NotFound(f"there is no saved view {view_id} here: somebody may have deleted it")
        return found

    def save(self, experiment_id: str, name: str, query: str, actor: str) -> SavedView:
        """Keep a view under a name; one that has the name is replaced. Raises `InvalidInput`."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            raise InvalidInput(f"a view needs a name of 1 to {LONGEST_NAME} characters")
        if len(query) > LONGEST_QUERY:
            raise InvalidInput(
                f"this view has an address of {len(query)} characters, and at most {LONGEST_QUERY} are kept: "
                "choose fewer columns"
            )
        view = SavedView(
            view_id=_digest([name]), name=name, query=query, actor=actor, time=self._clock.now_ms()
        )
        self._store.replace(layout.saved_view(experiment_id, view.view_id), encode_document(view))
        return view

    def delete(self, experiment_id: str, view_id: str) -> None:
        """Forget a view; one that is not there is fine."""
        self._store.delete(layout.saved_view(experiment_id, _checked(view_id)))

    def keep_choice(self, experiment_id: str, run_ids: Iterable[str]) -> str:
        """A short id for these runs: the same for the same runs in the same order. Raises `InvalidInput`."""
        chosen = [check_run_id(run_id) for run_id in dict.fromkeys(run_ids)]
        if not chosen or len(chosen) > MOST_RUNS:
            raise InvalidInput(f"choose 1 to {MOST_RUNS:,} runs, not {len(chosen):,}")
        choice_id = _digest(chosen)
        key = layout.saved_choice(experiment_id, choice_id)
        self._store.create(key, encode_document(Choice(run_ids=chosen)))
        return choice_id

    def choice(self, experiment_id: str, choice_id: str) -> list[str]:
        """The runs that an id stands for. Raises `NotFound`."""
        key = layout.saved_choice(experiment_id, _checked(choice_id))
        try:
            data = self._store.read(key)
        except NotFound as error:
            raise NotFound(f"there is no choice of runs {choice_id} here") from error
        return decode_document(data, Choice, CHOICE_FORMAT, key)[0].run_ids

    def _find(self, key: str) -> SavedView | None:
        try:
            data = self._store.read(key)
        except NotFound:
            return None
        return decode_document(data, SavedView, VIEW_FORMAT, key)[0]


def _checked(given: str) -> str:
    if not _ID.fullmatch(given):
        raise NotFound(f"there is no saved view {given[:20]!r}: its id has ten digits")
    return given


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:10]
