"""Dates on the command line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from stageline.errors import InvalidInput

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_date(text: str) -> datetime:
    """The moment that is meant: of a day its end, and without a zone by this machine's clock.

    >>> parse_date("2026-03-01T17:30Z").isoformat()
    '2026-03-01T17:30:00+00:00'

    Raises:
        InvalidInput: it is no date.
    """
    try:
        # Python 3.10 knows no Z.
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError as error:
        raise InvalidInput(
            f"{text[:50]!r} is no date: expected 2026-03-01, 2026-03-01T17:30 or 2026-03-01T17:30:00+02:00"
        ) from error
    if _DAY.fullmatch(text):
        moment += timedelta(days=1, microseconds=-1)
    return moment.astimezone() if moment.tzinfo is None else moment
