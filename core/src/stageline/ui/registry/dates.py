"""Moments in addresses: `as_of=2026-03-01`, `2026-03-01T17:30` or Unix milliseconds, as a slider gives them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from stageline.errors import InvalidInput

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_moment(text: str) -> int:
    """Unix milliseconds of the moment that is meant: of a day its end; without a zone, UTC as all times of the pages.

    >>> parse_moment("1970-01-01T00:01Z"), parse_moment("60000"), parse_moment("1970-01-01")
    (60000, 60000, 86399999)

    Raises:
        InvalidInput: it is no date.
    """
    wanted = text.strip()
    if wanted.isascii() and wanted.isdecimal() and len(wanted) < 15:
        return int(wanted)
    try:
        # Python 3.10 knows no Z.
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", wanted))
    except ValueError as error:
        raise InvalidInput(
            f"{text[:50]!r} is no date: expected 2026-03-01, 2026-03-01T17:30 or 2026-03-01T17:30:00+02:00"
        ) from error
    if _DAY.fullmatch(wanted):
        moment += timedelta(days=1, milliseconds=-1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def input_text(milliseconds: int) -> str:
    """The moment as `<input type="datetime-local">` wants it, in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
