"""Runs side by side: a row for each param, metric, tag and dataset, with the difference from a baseline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.run import TAG_RUN_NAME
from stageline.ui.charts.dimensions import SYSTEM, as_number
from stageline.ui.primary import sign_of, verdict

if TYPE_CHECKING:
    from stageline.domain.run import Run

_HIDDEN_TAGS = (TAG_RUN_NAME, "mlflow.log-model.history")
"""One is the head of the column, the other a document of a thousand characters."""
LONGEST_NUMBER = 10
"""Characters of a param's number that is shown as it was logged."""


class Cell(NamedTuple):
    """One value of one run."""

    text: str
    """As it was logged; empty where the run has none."""
    number: float | None = None
    delta: float | None = None
    """From the baseline; None for the baseline itself, and where one of both is missing or not finite."""
    percent: float | None = None
    """The same in percent of the baseline's size; None where that is zero."""
    verdict: str = ""
    """`better` or `worse`, where the metric's name tells."""
    differs: bool = False
    """From the baseline."""
    is_best: bool = False

    @property
    def shown(self) -> str:
        """The text, where a number with more digits than anybody reads is cut to six."""
        spelt = as_number(self.text) if len(self.text) > LONGEST_NUMBER else None
        return self.text if spelt is None else f"{spelt:.6g}"


class Row(NamedTuple):
    """One key."""

    key: str
    cells: list[Cell]
    """In the order of the runs."""
    is_same: bool
    """Whether all runs have the same."""


class Section(NamedTuple):
    """Rows of one kind."""

    title: str
    rows: list[Row]
    same: int
    """Rows that are left out, because all runs have the same there."""


def compare(runs: Sequence[Run], baseline: str = "", *, everything: bool = False) -> list[Section]:
    """What differs between runs, or all of it; the first run is the baseline unless another is named."""
    place = baseline_place(runs, baseline)
    metrics = [run.data.metrics for run in runs]
    own, system = _keys(metrics, lambda key: not key.startswith(SYSTEM)), _keys(metrics, _is_system)
    sections = {
        "Metrics": [_metric_row(key, [one.get(key) for one in metrics], place) for key in own],
        "Params": _text_rows([run.data.params for run in runs], place),
        "Tags": _text_rows([_shown_tags(run) for run in runs], place),
        "Datasets": _text_rows([_datasets(run) for run in runs], place),
        "System metrics": [
            _metric_row(key, [one.get(key) for one in metrics], place) for key in system
        ],
    }
    return [_section(title, rows, everything) for title, rows in sections.items() if rows]


def baseline_place(runs: Sequence[Run], baseline: str) -> int:
    """Where among the runs the baseline stands; the first place where it is not one of them."""
    ids = [run.info.run_id for run in runs]
    return ids.index(baseline) if baseline in ids else 0


def _metric_row(key: str, values: Sequence[float | None], place: int) -> Row:
    base, sign = values[place], sign_of(key)
    best = _best(values, sign)
    cells = [
        _metric_cell(
            value, base, sign, is_base=here == place, is_best=best is not None and value == best
        )
        for here, value in enumerate(values)
    ]
    return Row(key, cells, _same([repr(value) for value in values]))


def _metric_cell(
    value: float | None, base: float | None, sign: int, *, is_base: bool, is_best: bool
) -> Cell:
    if value is None:
        return Cell("", differs=base is not None)
    delta = percent = None
    if not is_base and base is not None and math.isfinite(value) and math.isfinite(base):
        delta = value - base
        percent = 100 * delta / abs(base) if base else None
    differs = repr(value) != repr(base)
    return Cell(repr(value), value, delta, percent, verdict(delta, sign), differs, is_best)


def _best(values: Iterable[float | None], sign: int) -> float | None:
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not sign or len(set(finite)) < 2:
        return None
    return max(finite) if sign > 0 else min(finite)


def _text_rows(values: Sequence[dict[str, str]], place: int) -> list[Row]:
    rows = []
    for key in _keys(values, lambda key: True):
        texts = [each.get(key) for each in values]
        cells = [Cell("" if text is None else text, differs=text != texts[place]) for text in texts]
        rows.append(Row(key, cells, _same(texts)))
    return rows


def _section(title: str, rows: list[Row], everything: bool) -> Section:
    shown = [row for row in rows if everything or not row.is_same]
    return Section(title, shown, len(rows) - len(shown))


def _shown_tags(run: Run) -> dict[str, str]:
    return {key: value for key, value in run.data.tags.items() if key not in _HIDDEN_TAGS}


def _datasets(run: Run) -> dict[str, str]:
    """Digests by the datasets' names; of several of one name, all."""
    found: dict[str, list[str]] = {}
    for given in run.inputs.dataset_inputs:
        found.setdefault(given.dataset.name, []).append(given.dataset.digest)
    return {name: ", ".join(sorted(set(digests))) for name, digests in found.items()}


def _is_system(key: str) -> bool:
    return key.startswith(SYSTEM)


def _keys(
    values: Iterable[dict[str, float]] | Iterable[dict[str, str]], fits: Callable[[str], bool]
) -> list[str]:
    return sorted({key for each in values for key in each if fits(key)})


def _same(values: Sequence[str | None]) -> bool:
    return len(set(values)) <= 1
