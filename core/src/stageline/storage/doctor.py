"""Each promise of the port, tried on a user's own store: what `stageline doctor` shows."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.errors import NotFound, StagelineError
from stageline.storage.probe import probe, read_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.storage.port import ObjectStore

PLACE = "_doctor/"
_RACERS = 8
_RACES = 5
# A store's clock only labels, but labels that are an hour off deserve a word.
_SKEW_S = 60.0


class Finding(NamedTuple):
    """One promise, whether it is kept here, and what was seen."""

    name: str
    ok: bool
    detail: str


class _Broken(Exception):
    """A promise that is not kept, and how."""


def examine(store: ObjectStore, clock: Clock = SYSTEM_CLOCK) -> list[Finding]:
    """Try every promise under a folder of its own, and remove what that left. Never raises for a bad store.

    About 100 requests. The first finding tells whether the store can be reached; if not, it is the only one.
    """
    place = f"{PLACE}{os.urandom(8).hex()}/"
    reach = _tried("the store answers", lambda: _reach(store))
    if not reach.ok:
        return [reach]
    checks: list[tuple[str, Callable[[], str]]] = [
        ("what is created is read back", lambda: _create(store, place)),
        ("a second create is refused", lambda: _second(store, place)),
        ("one of racing creates wins", lambda: _race(store, place)),
        ("replacing overwrites", lambda: _replace(store, place)),
        ("listings are ordered, and show writes at once", lambda: _listing(store, place)),
        ("an abandoned stream leaves nothing", lambda: _stream(store, place)),
        ("deleting removes", lambda: _delete(store, place)),
        ("the store's clock is near ours", lambda: _clock(store, place, clock)),
    ]
    findings = [reach, *(_tried(name, check) for name, check in checks)]
    return [
        *findings,
        _tried("the place of these trials is clean again", lambda: _clean(store, place)),
    ]


def _tried(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except (_Broken, StagelineError) as error:
        return Finding(name, False, str(error))


def _must(claim: bool, otherwise: str) -> None:
    if not claim:
        raise _Broken(otherwise)


def _reach(store: ObjectStore) -> str:
    store.list("", deep=False, limit=1)
    stored = read_format(store)
    return f"{store.url}: " + (
        stored.format if stored else "no store yet: the first registration makes one"
    )


def _create(store: ObjectStore, place: str) -> str:
    key = f"{place}create/ümlaut and space"
    _must(store.create(key, b"content"), "creating an absent key reported that it exists")
    _must(store.read(key) == b"content", "what was read differs from what was written")
    return "also under a name with blanks and umlauts"


def _second(store: ObjectStore, place: str) -> str:
    key = f"{place}second"
    store.create(key, b"first")
    _must(
        not store.create(key, b"second"),
        "the store ignores 'only if absent' and overwrites: runs are safe here, as each has its own "
        "keys, but a registry is not, and is refused",
    )
    _must(store.read(key) == b"first", "a refused create changed the object")
    return "the object stayed as it was"


def _race(store: ObjectStore, place: str) -> str:
    declared: bool | None = getattr(store, "is_exclusive", None)
    _must(declared is not False, "this kind of store checks before it writes, so two can win")
    for race in range(_RACES):
        key = f"{place}race/{race}"
        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(lambda who: store.create(key, b"%d" % who), range(_RACERS)))  # noqa: B023
        _must(sum(won) == 1, f"{sum(won)} of {_RACERS} racing creates of one key reported success")
        _must(store.read(key) == b"%d" % won.index(True), "the object is not the winner's")
    return f"{_RACES} races of {_RACERS}" + ("" if declared else "; probed: " + str(probe(store)))


def _replace(store: ObjectStore, place: str) -> str:
    key = f"{place}replace"
    store.replace(key, b"a longer first content")
    store.replace(key, b"second")
    _must(store.read(key) == b"second", "an older content was read after it was replaced")
    return "the new content was read at once"


def _listing(store: ObjectStore, place: str) -> str:
    folder = f"{place}list/"
    for name in ["b/1", "b/2", "c", "a"]:
        store.create(folder + name, b"1")
        seen = [entry.key for entry in store.list(folder)]
        _must(folder + name in seen, f"a listing does not show {name!r}, written just before")
    deep = [entry.key.removeprefix(folder) for entry in store.list(folder)]
    _must(deep == ["a", "b/1", "b/2", "c"], f"keys are listed as {deep}")
    shallow = [entry.key.removeprefix(folder) for entry in store.list(folder, deep=False)]
    _must(shallow == ["a", "b/", "c"], f"a shallow listing shows {shallow}")
    first = [entry.key.removeprefix(folder) for entry in store.list(folder, limit=1)]
    _must(first == ["a"], f"the first key of a listing is {first}, not 'a'")
    _must(store.list(f"{place}absent/") == [], "an absent folder has entries")
    return "deep, shallow, and the first alone"


def _stream(store: ObjectStore, place: str) -> str:
    whole, half = f"{place}stream/whole", f"{place}stream/half"
    with store.open(whole, "wb") as stream:
        stream.write(b"one two")
    with store.open(whole, "rb") as stream:
        _must(stream.read() == b"one two", "what was read differs from what was written")
    try:
        with store.open(half, "wb") as stream:
            stream.write(b"one")
            raise _Broken
    except _Broken:
        seen = [entry.key for entry in store.list(f"{place}stream/")]
    _must(seen == [whole], "an object appeared that was never completed")
    return "and a completed one is whole"


def _delete(store: ObjectStore, place: str) -> str:
    key = f"{place}delete/me"
    store.create(key, b"1")
    store.delete(key)
    store.delete(key)
    try:
        store.read(key)
    except NotFound:
        return "and deleting again is fine"
    raise _Broken("a deleted object can still be read")


def _clock(store: ObjectStore, place: str, clock: Clock) -> str:
    key = f"{place}clock/now"
    store.replace(key, b"1")
    listed = store.list(f"{place}clock/")
    _must(bool(listed), "a listing does not show what was written just before")
    modified = listed[0].modified
    if not modified:
        return "the store does not tell when an object was written"
    skew = modified - clock.now_ms() / 1000
    _must(abs(skew) < _SKEW_S, f"it is {skew:+.0f} s off: nothing breaks, but times will look odd")
    return f"{skew:+.1f} s apart"


def _clean(store: ObjectStore, place: str) -> str:
    for entry in store.list(place):
        store.delete(entry.key)
    left = store.list(place)
    _must(not left, f"{len(left)} objects could not be removed from {place}")
    return place
