"""The document that claims a run's id, and says how the run began."""

from __future__ import annotations

import msgspec

START_FORMAT = "stageline.start/1"


class RunStart(msgspec.Struct, frozen=True, kw_only=True):
    """Created once for each run, by whichever of its writers is first."""

    format: str = START_FORMAT
    writer: str
    """Makes the document unlike any other, as a conditional write needs."""
    run_id: str
    experiment_id: str
    start_time: int
    stamp: int
    tags: dict[str, str]
