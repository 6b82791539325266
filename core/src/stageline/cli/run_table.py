"""A page of runs as a table: which columns it has, and which run stands under which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from stageline.cli.render import ago, duration, number
from stageline.cli.tables import Column
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.domain.run import Run

MOST_OF_A_KIND = 6
"""Metrics, and params, in a table whose columns nobody chose."""
_LEAST_DIGITS = 8

Cell = Callable[["Run"], str]


class RunTable:
    """Runs, each in a row."""

    def __init__(
        self,
        runs: Sequence[Run],
        now_ms: int,
        experiment_names: Mapping[str, str],
        *,
        chosen: Sequence[str] = (),
        whole_ids: bool = False,
    ) -> None:
        self._nested = nested(runs)
        digits = 1 << 8 if whole_ids else _digits_to_tell_apart([run.info.run_id for run in runs])
        depth = {run.info.run_id: level for level, run in self._nested}
        self._attributes: dict[str, Cell] = {
            "status": lambda run: str(run.info.status),
            "name": lambda run: "  " * depth[run.info.run_id] + run.info.run_name,
            "run_id": lambda run: run.info.run_id[:digits],
            "experiment": lambda run: experiment_names.get(
                run.info.experiment_id, run.info.experiment_id
            ),
            "started": lambda run: ago(run.info.start_time, now_ms),
            "duration": lambda run: duration((run.info.end_time or now_ms) - run.info.start_time),
            "user": lambda run: run.info.user_id,
            "stage": lambda run: str(run.info.lifecycle_stage),
            "reason": lambda run: run.info.reason or "",
        }
        names = list(chosen) if chosen else _usual(runs)
        titles = _short_titles(names)
        self._cells = [(titles[name], *self._column(name, runs)) for name in names]

    @property
    def columns(self) -> list[Column]:
        """The columns, in order."""
        whole = ("status", "run_id")
        return [Column(title, is_number, title not in whole) for title, _, is_number in self._cells]

    @property
    def rows(self) -> list[list[str]]:
        """The cells, in the order of the runs, children under their parents."""
        return [[cell(run) for _, cell, _ in self._cells] for _, run in self._nested]

    def _column(self, name: str, runs: Sequence[Run]) -> tuple[Cell, bool]:
        kind, dot, key = name.partition(".")
        if name in self._attributes:
            return self._attributes[name], name == "duration"
        if dot and kind in ("metrics", "params", "tags"):
            return _of_kind(kind, key)
        for guess in ("metrics", "params", "tags"):
            if any(name in getattr(run.data, guess) for run in runs):
                return _of_kind(guess, name)
        raise InvalidInput(
            f"no column {name!r}: take {', '.join(self._attributes)}, or metrics.KEY, params.KEY, tags.KEY"
        )


def nested(runs: Sequence[Run]) -> list[tuple[int, Run]]:
    """The runs with their depth: each under the one that it is nested in, if that is here.

    Otherwise as given, where a family stands at the place of its foremost member: what is best comes first.
    """
    here = {run.info.run_id: run for run in runs}
    families: dict[str, list[Run]] = {}
    for run in runs:
        families.setdefault(_lineage(run, here)[-1].info.run_id, []).append(run)
    return [pair for family in families.values() for pair in _unfolded(family, here)]


def _unfolded(family: Sequence[Run], here: Mapping[str, Run]) -> Iterator[tuple[int, Run]]:
    place = {run.info.run_id: number for number, run in enumerate(family)}
    lineages = [_lineage(run, here) for run in family]
    # A path of places from the root down sorts as a tree is read.
    lineages.sort(key=lambda lineage: [place[run.info.run_id] for run in reversed(lineage)])
    return ((len(lineage) - 1, lineage[0]) for lineage in lineages)


def _lineage(run: Run, here: Mapping[str, Run]) -> list[Run]:
    """The run, its parent, its parent's parent ...; runs that claim to be nested in each other are each a root."""
    lineage, seen = [run], {run.info.run_id}
    while (parent := here.get(lineage[-1].parent_run_id or "")) is not None:
        if parent.info.run_id in seen:
            return [run]
        lineage.append(parent)
        seen.add(parent.info.run_id)
    return lineage


def varying(values: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys that do not have one and the same value everywhere."""
    keys = sorted({key for each in values for key in each})
    return [key for key in keys if len({each.get(key) for each in values}) > 1]


def _usual(runs: Sequence[Run]) -> list[str]:
    metrics = sorted(
        {key for run in runs for key in run.data.metrics if not key.startswith("system/")}
    )
    params = (
        varying([run.data.params for run in runs])
        if len(runs) > 1
        else sorted(runs[0].data.params)
        if runs
        else []
    )
    experiments = {run.info.experiment_id for run in runs}
    return [
        "status",
        "name",
        "run_id",
        *(["experiment"] if len(experiments) > 1 else []),
        "started",
        "duration",
        *(f"metrics.{key}" for key in metrics[:MOST_OF_A_KIND]),
        *(f"params.{key}" for key in params[:MOST_OF_A_KIND]),
    ]


def _short_titles(names: Sequence[str]) -> dict[str, str]:
    """Keys without their kind, where that is no other column's title."""
    short = {name: name.partition(".")[2] or name for name in names}
    taken = list(short.values())
    return {name: title if taken.count(title) == 1 else name for name, title in short.items()}


def _of_kind(kind: str, key: str) -> tuple[Cell, bool]:
    if kind == "metrics":
        return lambda run: number(run.data.metrics[key]) if key in run.data.metrics else "", True
    return lambda run: str(getattr(run.data, kind).get(key, "")), False


def _digits_to_tell_apart(ids: Sequence[str]) -> int:
    """How many characters of its beginning each id needs to be told from the others."""
    ordered = sorted(set(ids))
    shared = [_common(one, other) for one, other in pairwise(ordered)]
    return max([_LEAST_DIGITS, *(length + 1 for length in shared)])


def _common(one: str, other: str) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
