"""Tables, cells and docstrings as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import cleandoc

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example|Examples):$")
_ITEM = re.compile(r"^    (\*{0,2}\w[\w. |]*): (.*)$")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; a cell may hold anything."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *(list(map(cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    """Text in a table: on one line, with no bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def docstring(text: str | None) -> str:
    """A Google-style docstring, its sections as lists and its examples as code."""
    lines: list[str] = []
    is_code = False
    for line in cleandoc(text or "").splitlines():
        starts = line.lstrip().startswith(">>>")
        if starts and not is_code:
            lines += ["", "```pycon"]
            is_code = True
        elif is_code and not line.strip():
            lines += ["```"]
            is_code = False
        if is_code:
            lines.append(line.strip())
        elif found := _SECTION.match(line):
            lines += [f"**{found[1]}**", ""]
        elif found := _ITEM.match(line):
            lines.append(f"- `{found[1]}`: {found[2]}")
        else:
            lines.append(line)
    return "\n".join([*lines, *(["```"] if is_code else [])])
