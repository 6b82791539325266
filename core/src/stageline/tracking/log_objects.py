"""The objects of a run's log, unpacked, and checked to lie where they belong: segments, write-ahead logs, ends."""

from __future__ import annotations

import msgspec

from stageline.domain.artifact import RunEnd
from stageline.domain.document import UNREADABLE, check_format
from stageline.domain.events import AnyEvent, decode_event
from stageline.errors import Corrupt
from stageline.storage import layout
from stageline.storage.frames import scan_frames
from stageline.storage.segment import Segment, SegmentHead, Stretch, decode_segment
from stageline.storage.wal import decode_head

_decode_end = msgspec.json.Decoder(RunEnd, strict=False).decode


def end_of(data: bytes, key: str) -> RunEnd:
    """What a writer had said when it was done. Raises `Corrupt`."""
    try:
        end = _decode_end(data)
    except UNREADABLE as error:
        raise Corrupt(
            f"{key} can not be read: {error}. Put back the object from a backup, or put the run aside with "
            "`stageline runs delete`"
        ) from error
    check_format(end.format, RunEnd.__struct_defaults__[0], key)
    _check_place(key, end.summary.run_id, end.writer)
    return end


def segment_of(data: bytes, key: str) -> Segment:
    """A segment. Raises `Corrupt`."""
    segment = decode_segment(data, key)
    _check_place(key, segment.head.run_id, segment.head.writer)
    return segment


def _check_place(key: str, run_id: str, writer: str) -> None:
    """Refuse what lies under another run's name, or it would be read as if that run had logged it."""
    if not key.startswith(layout.run_log(run_id)) or writer_of(key) != writer:
        raise Corrupt(
            f"{key} holds what writer {writer!r} logged for run {run_id!r}: put back the object from a backup"
        )


def log_as_segment(data: bytes, key: str, shipped: int) -> tuple[Segment, str]:
    """A write-ahead log beyond its first `shipped` bytes, and the host that writes it. Raises `Corrupt`."""
    try:
        frames = scan_frames(data)
    except Corrupt as error:
        raise Corrupt(f"{key} can not be read: {error}") from error
    head = decode_head(frames.payloads[0] if frames.payloads else b"", key)
    if key.startswith(layout.RUNS):
        _check_place(key, head.run_id, head.writer)
    stretch = Stretch()
    events: list[AnyEvent] = []
    for payload in scan_frames(data, shipped).payloads if shipped else frames.payloads[1:]:
        event = _event(payload, key)
        before = len(stretch.records)
        stretch.take(payload, event)
        if len(stretch.records) > before:
            events.append(event)
    try:
        columns = stretch.columns
    except Corrupt as error:
        raise Corrupt(f"{key} can not be read: {error}") from error
    span = SegmentHead(
        run_id=head.run_id,
        writer=head.writer,
        attempt=head.attempt,
        number=0,
        start=shipped,
        end=frames.end,
    )
    return Segment(span, events, columns), head.host


def _event(payload: bytes, key: str) -> AnyEvent:
    try:
        return decode_event(payload)
    except Corrupt as error:
        raise Corrupt(f"{key} can not be read: {error}") from error


def writer_of(key: str) -> str:
    """Who wrote an object, by its key."""
    return key.rpartition("/")[2].partition(".")[0].partition("-")[0]


def is_stretch(key: str) -> bool:
    """Whether an object holds records: a segment, or a write-ahead log."""
    return key.endswith((".seg", ".wal"))
