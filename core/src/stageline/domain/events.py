"""The records of a run's log: what a writer may say. How they add up to a run is in `summary`.

Each is stored as a MessagePack array whose first element is its tag. Tags and field orders are for ever;
new fields go to the end, with a default, and a reader skips what it does not know.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stageline.domain.document import UNREADABLE
from stageline.domain.run import Attempt, DatasetInput, RunStatus
from stageline.errors import Corrupt

Stamp = int
"""A writer's clock in nanoseconds, strictly increasing within its process: decides which of two edits stays."""


class Event(msgspec.Struct, frozen=True, array_like=True):
    """Any record."""


class Started(Event, frozen=True, tag=1):
    """The run began, as far as this writer knows; the earliest of several such records is the start."""

    stamp: Stamp
    run_id: str
    experiment_id: str | None
    """None while only the name is known, because the store was away when the run began."""
    experiment_name: str | None
    start_time: int
    tags: dict[str, str] = {}


class PointLogged(Event, frozen=True, tag=2):
    """One metric point; the hot record, written as a bare tuple."""

    key: str
    value: float
    step: int
    timestamp: int


class PointsLogged(Event, frozen=True, tag=3):
    """Many metric points, as the columns of `storage.series`."""

    columns: bytes
    last: dict[str, tuple[int, int, float]] = {}
    """Step, timestamp and value of each metric's greatest point, so that a summary need not unpack the columns.

    The first logs that were ever written did not have it: where it is empty, unpack them.
    """


class ParamsLogged(Event, frozen=True, tag=4):
    """Params, each set once."""

    stamp: Stamp
    values: dict[str, str]


class TagsSet(Event, frozen=True, tag=5):
    """Tags set, or removed where the value is None."""

    stamp: Stamp
    values: dict[str, str | None]


class InputsLogged(Event, frozen=True, tag=6):
    """Datasets that the run read."""

    stamp: Stamp
    inputs: list[DatasetInput]


class ArtifactsStored(Event, frozen=True, tag=7):
    """Files that now lie under the run; None forgets one."""

    stamp: Stamp
    files: dict[str, tuple[str, int] | None]
    """Artifact path -> (sha256 in hexadecimal digits, size in bytes)."""


class AttemptNoted(Event, frozen=True, tag=8):
    """How one attempt of the run stands."""

    stamp: Stamp
    attempt: Attempt


class StatusSet(Event, frozen=True, tag=9):
    """The run's status changed."""

    stamp: Stamp
    status: RunStatus
    end_time: int | None = None
    reason: str | None = None
    """Why, for a run that failed or was killed: `ValueError: bad alpha`, `SIGTERM`, `no sign of life for 400 s`."""


class DeletionSet(Event, frozen=True, tag=10):
    """The run was deleted (it can be restored until it is collected) or restored."""

    stamp: Stamp
    deleted: bool


class OutputWritten(Event, frozen=True, tag=11):
    """Text that the run's process printed."""

    timestamp: int
    stream: str
    text: str


class Unknown(Event, frozen=True, tag=0):
    """A record of a kind that this version does not know; skipped, never rewritten."""


AnyEvent = (
    Started
    | PointLogged
    | PointsLogged
    | ParamsLogged
    | TagsSet
    | InputsLogged
    | ArtifactsStored
    | AttemptNoted
    | StatusSet
    | DeletionSet
    | OutputWritten
    | Unknown
)

encode_event = msgspec.msgpack.Encoder().encode
"""Event, or a tuple of a tag and its fields, to bytes."""

_decode: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(AnyEvent)
_KNOWN_TAGS = range(1, 12)


def decode_event(payload: bytes) -> AnyEvent:
    """The inverse of `encode_event`. A record from a later version becomes `Unknown`.

    Raises:
        Corrupt: the bytes are no record of any version.
    """
    try:
        event: AnyEvent = _decode.decode(payload)
    except UNREADABLE as error:
        if _has_unknown_tag(payload):
            return Unknown()
        raise Corrupt(f"a record of a run's log can not be read: {error}") from error
    return event


def _has_unknown_tag(payload: bytes) -> bool:
    try:
        fields = msgspec.msgpack.decode(payload)
    except UNREADABLE:
        return False
    return (
        isinstance(fields, list)
        and bool(fields)
        and isinstance(fields[0], int)
        and fields[0] not in _KNOWN_TAGS
    )
