"""The kinds of trouble, and how much of each a history has: a draw of its seed, so that no two are alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from random import Random


class Kind(str, Enum):
    """What goes wrong."""

    ANSWER_LOST = "the answer is lost after the put landed"
    PUT_LATE = "the put is applied after its time-out"
    STALE_LISTING = "a listing lacks what was put last"
    TRUNCATED_LISTING = "a listing ends half-way"
    TORN_TAIL = "the process dies within a write to its log"
    SHORT_WRITE = "the disk takes a part of a write"
    FSYNC_ERROR = "fsync fails"
    DISK_FULL = "the disk is full"
    CRASH = "the process dies before or after a request"
    PAUSE = "the process stands still beyond any heartbeat"
    CLOCK_HOUR = "the clock jumps by an hour"
    CLOCK_DAY = "the clock jumps by a day"
    TWO_SHIPPERS = "two ship one log: the lock is not kept"
    HALF_MULTIPART = "an upload in parts ends half-way"
    THROTTLED = "the store says slow down, several times"
    RESET = "the connection is reset before the request"
    EXPIRED = "the credentials are refused for a while"
    DUPLICATE = "a create is delivered twice"


# How likely each is at a request (or a write to a log) that it can happen to, in a history that has it.
_CHANCES = {
    Kind.ANSWER_LOST: 0.06,
    Kind.PUT_LATE: 0.05,
    Kind.STALE_LISTING: 0.5,
    Kind.TRUNCATED_LISTING: 0.4,
    Kind.TORN_TAIL: 0.05,
    Kind.SHORT_WRITE: 0.25,
    Kind.FSYNC_ERROR: 0.1,
    Kind.DISK_FULL: 0.05,
    Kind.CRASH: 0.03,
    Kind.PAUSE: 0.01,
    Kind.CLOCK_HOUR: 0.01,
    Kind.CLOCK_DAY: 0.01,
    Kind.TWO_SHIPPERS: 1.0,
    Kind.HALF_MULTIPART: 0.3,
    Kind.THROTTLED: 0.02,
    Kind.RESET: 0.05,
    Kind.EXPIRED: 0.005,
    Kind.DUPLICATE: 0.15,
}


@dataclass
class Trouble:
    """What a history has of each kind, and what came of it."""

    random: Random
    chances: dict[Kind, float] = field(default_factory=dict)
    fired: Counter[Kind] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    """At which named steps processes died."""
    dies_at: str | None = None
    """A step at which a process dies, once, whatever the chances."""
    is_over: bool = False

    def strikes(self, kind: Kind, times: float = 1.0) -> bool:
        """Whether it happens now, so many times as likely as it is; the caller sees to it that it does."""
        chance = self.chances.get(kind, 0.0) * times
        if self.is_over or not chance or self.random.random() >= chance:
            return False
        self.fired[kind] += 1
        return True

    def ends_life(self, when: str, step: str) -> bool:
        """Whether this is the step at which a process has to die."""
        if self.is_over or self.dies_at != f"{when} {step}":
            return False
        self.dies_at = None
        self.fired[Kind.CRASH] += 1
        return True


def only(kind: Kind, seed: int) -> Trouble:
    """One kind, and much of it; two can ship one log only where somebody died and left it."""
    chances = {kind: min(1.0, 3 * _CHANCES[kind])}
    if kind is Kind.TWO_SHIPPERS:
        chances[Kind.CRASH] = _CHANCES[Kind.CRASH]
    return Trouble(Random(seed), chances)


def death(step: str, seed: int) -> Trouble:
    """Nothing but one death, `before` or `after` the first such request."""
    return Trouble(Random(seed), dies_at=step)


def drawn(random: Random) -> Trouble:
    """About a third of the kinds; a calm history now and then, which must go well without excuse."""
    share = random.choice([0.0, 0.15, 0.3, 0.3, 0.5])
    chances = {
        kind: chance * random.choice([0.5, 1.0, 2.0])
        for kind, chance in _CHANCES.items()
        if random.random() < share
    }
    return Trouble(random, chances)
