"""Runs as a pandas frame; the only module of tracking that needs pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.run import Run

try:
    import pandas as pd
except ImportError as error:
    raise InvalidInput(
        'a frame of runs needs pandas: `pip install "stageline[pandas]"`, or ask with output_format="list"'
    ) from error


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run.

    Columns: run_id, experiment_id, status, artifact_uri, start_time and end_time (UTC), then one for each metric, param
    and tag that any of them has (`metrics.rmse`, `params.alpha`, `tags.team`), empty where a run has none.
    """
    columns: dict[str, object] = {
        "run_id": [run.info.run_id for run in runs],
        "experiment_id": [run.info.experiment_id for run in runs],
        "status": [str(run.info.status) for run in runs],
        "artifact_uri": [run.info.artifact_uri for run in runs],
        "start_time": _times([run.info.start_time for run in runs]),
        "end_time": _times([run.info.end_time for run in runs]),
    }
    for kind, missing in (("metrics", float("nan")), ("params", None), ("tags", None)):
        data = [getattr(run.data, kind) for run in runs]
        for key in sorted({key for values in data for key in values}):
            columns[f"{kind}.{key}"] = [values.get(key, missing) for values in data]
    return pd.DataFrame(columns)


def _times(milliseconds: list[int | None] | list[int]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(pd.Series(milliseconds, dtype="Int64"), unit="ms", utc=True)
