"""The tables of docs/scale.md, worked out from what `operations` counts.

`python tests/core/scale/page.py` writes them into the page.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from operations import A_FOLD, Asked, Operations, counted

from stageline.storage.index import GRACE_S
from stageline.storage.manifest import FULL_ROWS
from stageline.tracking.pulse import PULSE

PAGE = Path(__file__).resolve().parents[3] / "docs/scale.md"

# Dollars: S3 Standard in us-east-1, as https://aws.amazon.com/s3/pricing/ says of the first 50 TB. DELETE is free.
PUT = LIST = 0.005 / 1_000
GET = 0.0004 / 1_000
GB_MONTH = 0.023

TASKS_A_SECOND = 1_000
SEARCHES_A_SECOND = 10
RUNS = 10_000_000
DAY_S = 86_400

Rows = list[list[str]]


def price(asked: Asked) -> float:
    """Dollars."""
    return (asked.put * PUT) + (asked.list * LIST) + (asked.get * GET)


def tables(o: Operations) -> dict[str, Rows]:
    """Name -> the cells of each line, without the heading."""
    return {
        "operations": _operations(o),
        "day": _day(o),
        "kept": _kept(o),
        "inbox": [_inbox(o, rate) for rate in (1, 10, 100, 1_000)],
        "cold": [_cold(o, runs) for runs in (100_000, 1_000_000, RUNS)],
        "journal": [_journal(o, versions) for versions in (10, 100, 1_000, 10_000)],
    }


def _operations(o: Operations) -> Rows:
    named = {
        "a run of 1,000 points, shorter than 10 s": o.run,
        "its way from the inbox into shards": o.fold,
        "a warm search of one experiment": o.search,
        "a transition, warm": o.transition,
    }
    return [
        [
            name,
            *(f"{n:.3g}" for n in (asked.put, asked.get, asked.list, asked.delete)),
            f"{asked.written / 1e3:.2f}",
            f"{asked.read / 1e3:.2f}",
            f"{price(asked) * 1e6:.2f}",
        ]
        for name, asked in named.items()
    ]


def _day(o: Operations) -> Rows:
    runs, searches = TASKS_A_SECOND * DAY_S, SEARCHES_A_SECOND * DAY_S
    found = {
        "runs: PUT": (runs * o.run.put, PUT),
        "their folding: GET": (runs * o.fold.get, GET),
        "their folding: PUT, LIST": (runs * (o.fold.put + o.fold.list), PUT),
        "searches: LIST": (searches * o.search.list, LIST),
    }
    rows = [
        [name, f"{count / 1e6:.4g}", f"{count / DAY_S:,.0f}", f"{count * each:,.0f}"]
        for name, (count, each) in found.items()
    ]
    whole = sum(count * each for count, each in found.values())
    asked = sum(count for count, _ in found.values())
    return [*rows, ["all", f"{asked / 1e6:.4g}", f"{asked / DAY_S:,.0f}", f"{whole:,.0f}"]]


def _kept(o: Operations) -> Rows:
    size = RUNS * (o.run_bytes + o.row_bytes) / 1e9
    requests = RUNS * (price(o.run) + price(o.fold))
    growth = TASKS_A_SECOND * DAY_S * (o.run_bytes + o.row_bytes) / 1e9
    return [
        ["to write them, once", f"{requests:,.0f}"],
        ["GB that they take", f"{size:,.0f}"],
        ["to keep them, a month", f"{size * GB_MONTH:.2f}"],
        ["GB more each day at 1,000 tasks a second", f"{growth:,.0f}"],
        ["to keep a day's runs, a month", f"{growth * GB_MONTH:.2f}"],
    ]


def _inbox(o: Operations, rate: int) -> list[str]:
    """Of one experiment where so many runs end each second."""
    folded = rate * GRACE_S
    names = 2 * (folded + A_FOLD)  # its heartbeat and its last word
    pages = -(-names // 1_000)
    at_prefix = rate * (2 + o.fold.delete)  # both are put, and both are deleted
    return [
        f"{rate:,}",
        f"{names:,.0f}",
        f"{pages:,.0f}",
        f"{(pages + 1) * LIST * 1e3:.3g}",
        f"{folded * o.name_bytes / 1e6:.2g}",
        f"{at_prefix:,.0f}",
    ]


def _cold(o: Operations, runs: int) -> list[str]:
    shards = -(-runs // FULL_ROWS)
    return [
        f"{runs:,}",
        f"{shards:,}",
        f"{runs * o.row_bytes / 1e6:,.0f}",
        f"{shards * GET * 1e3:.2g}",
    ]


def _journal(o: Operations, versions: int) -> list[str]:
    """Each version registered and moved once."""
    entry = o.transition.written + (versions - 1) * o.version_bytes
    whole = versions * (o.transition.written + entry)  # two entries each, of half that on average
    return [f"{versions:,}", _short(entry / 1e3), _short(whole / 1e6)]


def _short(value: float) -> str:
    """Two digits that mean something, or all before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def in_page(text: str) -> dict[str, Rows]:
    """The tables as the page has them, by the comment above each."""
    found = {}
    for name, body in re.findall(r"<!-- counted: (\w+) -->\n((?:\|.*\n)+)", text):
        lines = [line.strip("|\n ").split("|") for line in body.splitlines()[2:]]
        found[name] = [[cell.strip() for cell in cells] for cells in lines]
    return found


def written(text: str, fresh: dict[str, Rows]) -> str:
    """The page with `fresh` tables under their headings."""
    for name, rows in fresh.items():
        body = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
        head = rf"(<!-- counted: {name} -->\n\|.*\n\|.*\n)(?:\|.*\n)*"
        text = re.sub(head, lambda found, body=body: found[1] + body, text)
    return text


if __name__ == "__main__":
    PULSE.add = lambda beat: None  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as cache:
        PAGE.write_text(written(PAGE.read_text(), tables(counted(Path(cache)))))
