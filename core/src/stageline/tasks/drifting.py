"""The drift of data as a task measures it: column by column, logged to its run, the worst one told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from stageline.domain.drift import PSI_SHIFT, Drift, measure_drift
from stageline.errors import InvalidInput

__all__ = ["PSI_SHIFT", "ColumnDrift", "column_drifts", "measure_drift"]


class ColumnDrift(NamedTuple):
    """A column, and how far it has moved."""

    column: str
    drift: Drift

    def metrics(self) -> dict[str, float]:
        """For a run: `drift.<column>.psi`, and `.ks` and `.ks_p` of numbers."""
        told = {"psi": self.drift.psi, "ks": self.drift.ks, "ks_p": self.drift.ks_p}
        return {
            f"drift.{self.column}.{name}": value
            for name, value in told.items()
            if value is not None
        }


def column_drifts(reference: Any, current: Any) -> list[ColumnDrift]:
    """The columns that both have, the one that has moved farthest first, by PSI.

    Args:
        reference: A frame, or a mapping of names to columns; or one column: a sequence, an array or a series.
        current: The same of today.

    Raises:
        InvalidInput: they have no column in common, or one of them has no rows.
    """
    before, after = _columns(reference), _columns(current)
    common = [name for name in before if name in after]
    if not common:
        raise InvalidInput(
            f"no column in common: the reference has {sorted(before)[:10]}, the current data {sorted(after)[:10]}"
        )
    found = [ColumnDrift(name, measure_drift(before[name], after[name])) for name in common]
    return sorted(found, key=lambda one: -one.drift.psi)


def _columns(data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return {str(name): _plain(column) for name, column in data.items()}
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):  # a frame of pandas and its kin
        return {str(name): _plain(data[name]) for name in data.columns}
    name = getattr(data, "name", None)
    return {str(name) if isinstance(name, str) else "value": _plain(data)}


def _plain(column: Any) -> Any:
    # Python's own numbers, several times as quick to walk through as those of an array.
    return column.tolist() if hasattr(column, "tolist") else column
