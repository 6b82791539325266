"""Runs put together by what they have of one column: how many, and the spread of each metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Entity
from stageline.ui.runs_table.asked import ROWS
from stageline.ui.runs_table.filtering import written

if TYPE_CHECKING:
    from stageline.tracking.run_table import Group
    from stageline.ui.runs_table.columns import Column
    from stageline.ui.runs_table.shown import Opened

NO_VALUE = "(none)"


class GroupRow(NamedTuple):
    """One group."""

    label: str
    group: Group
    filter: str | None
    """What the box says of the runs in it, with what it said before; None where the language can not."""


class Grouped(NamedTuple):
    """One page of groups."""

    by: Column
    metrics: list[Column]
    rows: list[GroupRow]
    total: int
    runs: int


def show_groups(opened: Opened) -> Grouped | None:
    """The groups that the address asks for; None where it asks for none."""
    by = opened.catalogue.find(opened.asked.group)
    if by is None or by.entity is Entity.METRIC or by.name in ("duration", "started"):
        return None
    metrics = [column for column in opened.columns if column.entity is Entity.METRIC]
    if opened.problem:
        return Grouped(by, metrics, [], 0, 0)
    keys = [column.key for column in metrics]
    # A group counts all its runs, nested or not.
    groups = opened.table.groups(by.address, keys, opened.selected._replace(roots=False))
    ordered = _ordered(groups, opened.asked.order, by, metrics)
    page = ordered[opened.asked.start : opened.asked.start + ROWS]
    rows = [GroupRow(_label(one), one, _filter(opened.asked.filter, by, one)) for one in page]
    return Grouped(by, metrics, rows, len(groups), sum(one.runs for one in groups))


def _label(group: Group) -> str:
    return NO_VALUE if group.value is None else str(group.value) or '""'


def _ordered(groups: list[Group], order: str, by: Column, metrics: list[Column]) -> list[Group]:
    name, sign = order.removeprefix("-"), -1 if order.startswith("-") else 1
    if name == by.name:
        return sorted(groups, key=lambda one: _rank(one.value), reverse=sign < 0)
    place = next((at for at, column in enumerate(metrics) if column.name == name), None)
    if place is None:
        return groups if not order or sign < 0 else groups[::-1]

    def mean(one: Group) -> tuple[bool, float]:
        found = one.spreads[place].mean
        return found is None, sign * (found or 0.0)

    return sorted(groups, key=mean)


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers by size, then texts, then those that have none."""
    if value is None:
        return 2, 0.0, ""
    try:
        return 0, float(str(value)), ""
    except ValueError:
        return 1, 0.0, str(value)


def _filter(text: str, by: Column, group: Group) -> str | None:
    """A filter for the runs of a group."""
    name = f"attributes.{by.key}" if by.is_attribute else written(by.entity, by.key)
    value = group.value
    if value is None:
        said = f"{name} IS NULL"
    elif "'" not in str(value):
        said = f"{name} = '{value}'"
    elif '"' not in str(value):
        said = f'{name} = "{value}"'
    else:
        return None
    return f"{text} and {said}" if text else said
