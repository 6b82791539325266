"""Tables on the terminal, and the same as aligned text where the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from stageline.cli.render import clean

_STYLES = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "magenta",
    "RUNNING": "cyan",
    "deleted": "dim",
    "kept": "green",
    "BROKEN": "bold red",
}


class Column(NamedTuple):
    """A column's title and how it is set."""

    title: str
    is_number: bool = False
    shrinks: bool = True
    """Whether it may be cut on a narrow terminal."""


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, fancy: bool | None = None
) -> None:
    """Print rows of cells; `fancy` if not given: whether somebody watches."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() if fancy is None else fancy:
        _print_rich(columns, cells)
        return
    for line in aligned(columns, cells):
        print(line)


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table as lines of text, nothing cut: for a pipe, a file, a log."""
    table = [[column.title for column in columns], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in table
    ]


def print_heading(text: str) -> None:
    """Print the heading of a part of a longer answer."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(f"\n{text}", style="bold"))
    else:
        print(f"\n{text}")


def _print_rich(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    # Late: a program that reads JSON has no use for it.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if column.shrinks else len(column.title),
        )
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)
