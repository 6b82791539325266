"""Two versions side by side: what differs in metrics, params, data and signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.ui.primary import sign_of, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stageline.domain.policy import Policy
    from stageline.ui.registry.sides import Side


class Difference(NamedTuple):
    """One line: what the first side has, and what the second."""

    key: str
    first: Any
    second: Any
    change: str
    """`same`, `changed`, `added` by the second or `removed` by it."""
    delta: float | None = None
    """Second less first, of numbers."""
    verdict: str = ""
    """Whether the second is `better` or `worse`; empty if nobody knows."""


class Part(NamedTuple):
    """A table of them."""

    title: str
    key: str
    rows: Sequence[Difference]
    is_numeric: bool = False

    @property
    def changed(self) -> int:
        """How many differ."""
        return sum(one.change != "same" for one in self.rows)


def differences(first: Side, second: Side, policy: Policy | None = None) -> list[Part]:
    """The tables, each in the order of its keys; the policy says which way a metric is better."""
    metrics = [_scored(row, policy) for row in _rows(dict(first.metrics), dict(second.metrics))]
    return [
        Part("Metrics", "metrics", metrics, is_numeric=True),
        Part("Params", "params", _rows(first.params, second.params)),
        Part("Data", "data", _rows(first.datasets, second.datasets)),
        Part("Signature", "signature", _rows(first.columns, second.columns)),
        Part("Tags", "tags", _rows(first.version.tags, second.version.tags)),
    ]


def _rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(key, first.get(key), second.get(key), _change(key, first, second))
        for key in sorted({*first, *second})
    ]


def _change(key: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    if key not in first:
        return "added"
    if key not in second:
        return "removed"
    # By their text, since NaN equals nothing, itself included.
    return "same" if repr(first[key]) == repr(second[key]) else "changed"


def _scored(row: Difference, policy: Policy | None) -> Difference:
    if row.first is None or row.second is None:
        return row
    delta = row.second - row.first
    return row._replace(delta=delta, verdict=verdict(delta, sign_of(row.key, policy)))
