"""What an entry of an inbox says of its run: a summary, a claim, or a small log that ended, under a second name."""

from __future__ import annotations

from stageline.domain.events import decode_event
from stageline.domain.summary import RunSummary
from stageline.domain.summary_json import decode_summary
from stageline.storage.frames import scan_frames
from stageline.storage.wal import decode_head


def summary_in(data: bytes) -> RunSummary:
    """The entry as a summary.

    Raises:
        Corrupt: the bytes are none of the three.
        NotAllowed: a newer version wrote them.
    """
    return _summary_of_log(data) if _is_log(data) else decode_summary(data)


def _is_log(data: bytes) -> bool:
    # The length of a log's head is far below 2^24, so its highest byte is zero; no JSON has such a byte.
    return data[3:4] == b"\0"


def _summary_of_log(data: bytes) -> RunSummary:
    payloads = scan_frames(data).payloads
    head = decode_head(payloads[0] if payloads else b"", "a log in an inbox")
    summary = RunSummary(head.run_id)
    for payload in payloads[1:]:
        summary.apply(decode_event(payload), head.attempt)
    return summary
