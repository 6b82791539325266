"""Which colour and dash each run is drawn with. The colours themselves are in `static/palette.css`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

COLOURS = 8
"""Hues of Okabe and Ito's palette, which people of every kind of colour vision tell apart
(https://jfly.uni-koeln.de/color/, 2008), with lightness adapted to each theme."""
DASHES = 4


def colours(run_ids: Sequence[str]) -> dict[str, int]:
    """A colour for each run, 0 to 7: by its id, so that it stays the same from page to page.

    Where another run nearby has it, the next free one: up to eight runs all differ, and neighbours always.

    >>> sorted(colours([f"run{n}" for n in range(8)]).values())
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    chosen: dict[str, int] = {}
    for run_id in dict.fromkeys(run_ids):
        near = list(chosen.values())[-(COLOURS - 1) :]
        wanted = int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:4], "big") % COLOURS
        chosen[run_id] = next(
            colour
            for colour in ((wanted + step) % COLOURS for step in range(COLOURS))
            if colour not in near
        )
    return chosen


def dashes(run_ids: Sequence[str]) -> dict[str, int]:
    """A dash for each run, 0 (none) to 3: another for each eight runs, so that 32 lines look different."""
    unique = dict.fromkeys(run_ids)
    return {run_id: place // COLOURS % DASHES for place, run_id in enumerate(unique)}
