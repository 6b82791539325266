"""A model's history as CSV, for who audits it."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stageline.registry.history_entry import HistoryEntry

COLUMNS = (
    "name", "number", "time", "time_utc", "actor", "summary", "reason", "run_id", "link", "digest",
)  # fmt: skip


def csv_lines(entries: Iterable[HistoryEntry]) -> Iterator[str]:
    """The head, and a line for each entry, as `stageline registry history --csv` has it and with readable times."""
    yield _line(COLUMNS)
    for one in entries:
        moment = datetime.fromtimestamp(one.time / 1000, tz=timezone.utc)
        yield _line(
            (
                one.name, str(one.number), str(one.time), moment.isoformat(timespec="milliseconds"),
                one.actor, one.summary, one.reason, one.run_id or "", one.link, one.digest,
            )
        )  # fmt: skip


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(_cell(one) for one in cells)
    return written.getvalue()


def _cell(text: str) -> str:
    # A spreadsheet would run it as a formula; the same mark that spreadsheets use takes that away.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
