"""Runs side by side: a row for each param, metric or tag, a column for each run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stageline.cli.render import number
from stageline.cli.tables import Column, print_heading, print_table

if TYPE_CHECKING:
    from stageline.domain.run import Run

_KINDS = ("params", "metrics", "tags")
# They differ between any two runs, and say nothing of what was tried.
_NOISE = ("mlflow.runName",)


class Comparison:
    """What differs between runs, or all of it."""

    def __init__(self, runs: Sequence[Run], *, everything: bool = False) -> None:
        self._runs = runs
        self._parts = {
            kind: _rows([getattr(run.data, kind) for run in runs], everything) for kind in _KINDS
        }

    def document(self) -> dict[str, Any]:
        """For programs: each key with its values, in the order of the runs; null where a run has none."""
        named = [{"run_id": run.info.run_id, "run_name": run.info.run_name} for run in self._runs]
        return {"runs": named, **self._parts}

    def print(self) -> None:
        """For people."""
        columns = [
            Column(""),
            *(Column(run.info.run_name or run.info.run_id, is_number=True) for run in self._runs),
        ]
        for kind, rows in self._parts.items():
            if rows:
                print_heading(kind)
                print_table(columns, [[key, *map(_shown, values)] for key, values in rows.items()])
        if not any(self._parts.values()):
            print("the runs do not differ in params, metrics or tags; --all shows what they have")


def _rows(values: Sequence[dict[str, Any]], everything: bool) -> dict[str, list[Any]]:
    keys = sorted({key for each in values for key in each if key not in _NOISE})
    rows = {key: [each.get(key) for each in values] for key in keys}
    # By their text, since NaN equals nothing, itself included.
    return {key: row for key, row in rows.items() if everything or len(set(map(repr, row))) > 1}


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else str(value)
