"""Summaries as JSON, with the non-finite numbers that JSON lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import events as ev
from stageline.domain.document import UNREADABLE, check_format
from stageline.domain.run_start import START_FORMAT, RunStart
from stageline.domain.summary import SUMMARY_FORMAT, RunSummary
from stageline.errors import Corrupt

if TYPE_CHECKING:
    from stageline.domain.summary import LastPoint

_plain_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(RunSummary, strict=False)
_start_decoder = msgspec.json.Decoder(RunStart, strict=False)


def encode_json(document: Any, points: dict[str, LastPoint]) -> bytes:
    """`document` as JSON, where `points` (which lie somewhere inside it) may hold NaN or infinities."""
    if all(point.value - point.value == 0 for point in points.values()):
        return _plain_encode(document)
    return _plain_encode(_spelt(msgspec.to_builtins(document)))


def encode_summary(summary: RunSummary) -> bytes:
    """A summary as JSON; non-finite values are the strings `NaN`, `Infinity`, `-Infinity`."""
    return encode_json(summary, summary.metrics)


def decode_summary(data: bytes) -> RunSummary:
    """The inverse of `encode_summary`; of a run that has only just begun, its claim is one too.

    Raises:
        Corrupt: the bytes are no summary.
        NotAllowed: it was written by a newer version.
    """
    try:
        summary = _decoder.decode(data)
    except UNREADABLE as error:
        begun = _begun(data)
        if begun is None:
            raise Corrupt(
                f"a run summary can not be read ({error}); run `stageline compact --rebuild`"
            ) from error
        return begun
    if summary.format == SUMMARY_FORMAT:
        return summary
    begun = _begun(data)
    if begun is None:
        check_format(summary.format, SUMMARY_FORMAT, "a run summary")
    return begun or summary


def _begun(data: bytes) -> RunSummary | None:
    """What a claim tells of its run; None if `data` is something else."""
    try:
        start = _start_decoder.decode(data)
    except UNREADABLE:
        return None
    if not start.format.startswith(START_FORMAT.partition("/")[0]):
        return None
    check_format(start.format, START_FORMAT, "the beginning of a run")
    summary = RunSummary(start.run_id)
    experiment = start.experiment_id or None
    summary.apply(
        ev.Started(start.stamp, start.run_id, experiment, None, start.start_time, start.tags)
    )
    return summary


def _spelt(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _spelt(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelt(item) for item in value]
    return value
