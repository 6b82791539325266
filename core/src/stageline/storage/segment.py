"""A segment: an immutable stretch of one writer's log, as it lies in the store.

segment := b"SLSEG1\\n" | u32 length | body | u32 crc32(body)          little-endian
body    := MessagePack of `_Body`, a named tuple in spirit: head, other records, columns
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

import msgspec
import zstandard

from stageline.domain.document import UNREADABLE, check_format
from stageline.domain.events import AnyEvent, PointLogged, PointsLogged, decode_event
from stageline.errors import Corrupt
from stageline.storage.packing import unpacked
from stageline.storage.series import Series, decode_columns, encode_columns

SEGMENT_FORMAT = "stageline.segment/1"
_MAGIC = b"SLSEG1\n"
_U32 = struct.Struct("<I")
_MAX_RECORDS_BYTES = 256 << 20


class SegmentHead(msgspec.Struct, frozen=True, kw_only=True):
    """Which stretch of which log this is."""

    format: str = SEGMENT_FORMAT
    run_id: str
    writer: str
    attempt: int
    number: int
    start: int
    """Offset in the writer's log at which the stretch begins."""
    end: int
    """Offset just after it; the next segment begins here."""


class Segment(NamedTuple):
    """A segment, unpacked."""

    head: SegmentHead
    events: list[AnyEvent]
    """All records but metric points."""
    columns: dict[str, Series]


class _Body(msgspec.Struct, array_like=True):
    head: SegmentHead
    records_size: int
    records: bytes
    """MessagePack list of records, zstd-compressed."""
    columns: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode
_decode_records = msgspec.msgpack.Decoder(list[bytes]).decode


class Stretch:
    """Records on their way from a log to a segment: points gathered in columns, the others kept in order."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self._columns: dict[str, Series] = {}
        self._packed: list[bytes] = []

    def __bool__(self) -> bool:
        return bool(self.records or self._columns or self._packed)

    @property
    def columns(self) -> dict[str, Series]:
        """All points. Those that came packed are unpacked when somebody asks."""
        while self._packed:
            self._add(decode_columns(self._packed.pop(0)))
        return self._columns

    def take(self, payload: bytes, event: AnyEvent) -> None:
        """Add one record."""
        if isinstance(event, PointLogged):
            series = self._columns.get(event.key)
            if series is None:
                series = self._columns[event.key] = Series()
            series.append(event.step, event.timestamp, event.value)
        elif isinstance(event, PointsLogged):
            self._packed.append(event.columns)
        else:
            self.records.append(payload)

    def _add(self, columns: dict[str, Series]) -> None:
        for key, more in columns.items():
            self._columns.setdefault(key, Series()).extend(more)


def encode_segment(head: SegmentHead, stretch: Stretch) -> bytes:
    """The object to store. The same head and stretch always give the same bytes."""
    records = _encode(stretch.records)
    packed = zstandard.ZstdCompressor(level=3).compress(records)
    body = _encode(_Body(head, len(records), packed, encode_columns(stretch.columns)))
    return _MAGIC + _U32.pack(len(body)) + body + _U32.pack(crc32(body))


def decode_segment(data: bytes, key: str) -> Segment:
    """The inverse of `encode_segment`; `key` names the object in errors.

    Raises:
        Corrupt: the object is not what was written.
        NotAllowed: it was written by a newer version.
    """
    try:
        body = _decode(_checked(data))
        check_format(body.head.format, SEGMENT_FORMAT, key)
        if not 0 < body.records_size <= _MAX_RECORDS_BYTES:
            raise Corrupt(f"it claims {body.records_size} bytes of records")
        records = unpacked(body.records, body.records_size)
        events = [decode_event(record) for record in _decode_records(records)]
        return Segment(body.head, events, decode_columns(body.columns))
    except (*UNREADABLE, zstandard.ZstdError, Corrupt) as error:
        raise Corrupt(f"{key} can not be read: {error}") from error


def _checked(data: bytes) -> bytes:
    start = len(_MAGIC) + _U32.size
    if len(data) < start + _U32.size or not data.startswith(_MAGIC):
        raise Corrupt("it should be a segment of a run's log, but does not begin like one")
    (length,) = _U32.unpack_from(data, len(_MAGIC))
    end = start + length
    if len(data) != end + _U32.size:
        raise Corrupt(f"it should have {end + _U32.size} bytes, but has {len(data)}")
    body = data[start:end]
    if _U32.unpack_from(data, end)[0] != crc32(body):
        raise Corrupt("its checksum does not hold")
    return body
