"""A store that misbehaves on purpose, in ways that real ones have, and the same way for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from stageline.errors import StorageFailed, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stageline.storage.port import Entry, ObjectStore
    from stageline.testing.counting import Verb


class Fault(str, Enum):
    """What goes wrong with one call."""

    LOST_ANSWER = "lost_answer"
    """The call takes effect, then fails: a connection reset after the server had acted."""
    LOST_CALL = "lost_call"
    """The call fails and has no effect."""
    REPEATED = "repeated"
    """A create is sent twice, as a client library does after a timeout: it finds its own object and says False."""
    STALE_LIST = "stale_list"
    """A listing lacks the keys that were put last."""
    UNAUTHORIZED = "unauthorized"
    """The credentials are refused; nothing happens."""
    DISK_FULL = "disk_full"
    """A write fails for lack of space; nothing happens."""


_APPLIES: Mapping[Fault, frozenset[str]] = {
    Fault.LOST_ANSWER: frozenset({"create", "replace", "delete"}),
    Fault.REPEATED: frozenset({"create"}),
    Fault.STALE_LIST: frozenset({"list"}),
    Fault.DISK_FULL: frozenset({"create", "replace", "open"}),
}


@dataclass(frozen=True)
class Plan:
    """Which faults come when: by chance, at given calls, or over a span of calls. Calls count from 1."""

    chances: Mapping[Fault, float] = field(default_factory=dict)
    """How likely each fault is at a call that it applies to."""
    at: Mapping[int, Fault] = field(default_factory=dict)
    """The fault of the n-th call of any verb."""
    unauthorized: Sequence[range] = ()
    """Spans of calls during which credentials are refused."""
    full_from: int | None = None
    """The call from which on nothing more fits."""
    hidden: int = 1
    """How many of the newest keys a stale listing lacks."""


class Fired(NamedTuple):
    """A fault that happened."""

    call: int
    verb: str
    key: str
    fault: Fault


class FaultyStore:
    """Wraps `inner` and lets the faults of `plan` happen; `fired` tells which did, `calls` how many calls came.

    >>> from stageline.storage.memory import MemoryStore
    >>> store = FaultyStore(MemoryStore("memory://faulty-example"), plan=Plan(at={1: Fault.LOST_ANSWER}))
    >>> store.create("a", b"1")
    Traceback (most recent call last):
    stageline.errors.StorageFailed: create 'a': the answer was lost (injected)
    >>> store.read("a")
    b'1'
    """

    def __init__(self, inner: ObjectStore, seed: int = 0, plan: Plan | None = None) -> None:
        self.inner = inner
        self.plan = plan or Plan()
        self.fired: list[Fired] = []
        self.calls = 0
        self._random = Random(seed)
        self._lock = Lock()
        self._recent: list[str] = []

    @property
    def url(self) -> str:
        """The inner store's."""
        return self.inner.url

    @property
    def is_exclusive(self) -> bool | None:
        """What the inner store declares, if anything."""
        declared: bool | None = getattr(self.inner, "is_exclusive", None)
        return declared

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    def heal(self) -> None:
        """No more faults."""
        self.plan = Plan()

    def read(self, key: str) -> bytes:
        """Fails, or is passed on."""
        self._refuse("read", key, self._fault("read", key))
        return self.inner.read(key)

    def create(self, key: str, data: bytes) -> bool:
        """Fails, or is passed on, or both; or comes twice."""
        fault = self._fault("create", key)
        self._refuse("create", key, fault)
        created = self.inner.create(key, data)
        self._wrote(key)
        if fault is Fault.REPEATED:
            created = self.inner.create(key, data)
        self._lose_answer("create", key, fault)
        return created

    def replace(self, key: str, data: bytes) -> None:
        """Fails, or is passed on, or both."""
        fault = self._fault("replace", key)
        self._refuse("replace", key, fault)
        self.inner.replace(key, data)
        self._wrote(key)
        self._lose_answer("replace", key, fault)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        """Fails, or is passed on; a stale one lacks the newest keys that were put through this object."""
        fault = self._fault("list", prefix)
        self._refuse("list", prefix, fault)
        if fault is not Fault.STALE_LIST:
            return self.inner.list(prefix, deep=deep, limit=limit)
        hidden = set(self._recent[-self.plan.hidden :])
        shown = [entry for entry in self.inner.list(prefix, deep=deep) if entry.key not in hidden]
        return shown[:limit]

    def delete(self, key: str) -> None:
        """Fails, or is passed on, or both."""
        fault = self._fault("delete", key)
        self._refuse("delete", key, fault)
        self.inner.delete(key)
        self._lose_answer("delete", key, fault)

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        """Fails, or is passed on."""
        fault = self._fault("open", key)
        if not (mode == "rb" and fault is Fault.DISK_FULL):
            self._refuse("open", key, fault)
        return self.inner.open(key, mode)

    def _fault(self, verb: Verb, key: str) -> Fault | None:
        with self._lock:
            self.calls += 1
            # Drawn for every call, so that one more rule in a plan does not shift all the others.
            draw = self._random.random()
            fault = self._planned(verb) or self._by_chance(verb, draw)
            if fault is not None:
                self.fired.append(Fired(self.calls, verb, key, fault))
            return fault

    def _planned(self, verb: Verb) -> Fault | None:
        if any(self.calls in span for span in self.plan.unauthorized):
            return Fault.UNAUTHORIZED
        if (
            self.plan.full_from is not None
            and self.calls >= self.plan.full_from
            and _applies(Fault.DISK_FULL, verb)
        ):
            return Fault.DISK_FULL
        fault = self.plan.at.get(self.calls)
        return fault if fault is not None and _applies(fault, verb) else None

    def _by_chance(self, verb: Verb, draw: float) -> Fault | None:
        for fault, chance in self.plan.chances.items():
            if not _applies(fault, verb):
                continue
            if draw < chance:
                return fault
            draw -= chance
        return None

    def _refuse(self, verb: Verb, key: str, fault: Fault | None) -> None:
        if fault is Fault.UNAUTHORIZED:
            raise Unauthorized(f"{verb} {key!r}: the credentials were refused (injected)")
        if fault is Fault.LOST_CALL:
            raise StorageFailed(f"{verb} {key!r}: the call was lost (injected)")
        if fault is Fault.DISK_FULL:
            raise StorageFailed(f"{verb} {key!r}: the disk is full (injected)")

    def _lose_answer(self, verb: Verb, key: str, fault: Fault | None) -> None:
        if fault is Fault.LOST_ANSWER:
            raise StorageFailed(f"{verb} {key!r}: the answer was lost (injected)")

    def _wrote(self, key: str) -> None:
        with self._lock:
            self._recent.append(key)


def _applies(fault: Fault, verb: Verb) -> bool:
    verbs = _APPLIES.get(fault)
    return verbs is None or verb in verbs
