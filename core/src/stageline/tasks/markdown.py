"""Text of others in Markdown: as code, in which nothing is a sign; and links that a browser may follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from stageline.lineage.export.captions import is_page, shown

LONGEST = 300
# Words of letters, digits, dashes between them, and numbers: nothing that begins a list or is turned into a link.
_WORD = r"(?:[0-9]+\.[0-9]+(?:e-?[0-9]+)?|[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)"
_PLAIN = re.compile(f"{_WORD}(?: {_WORD})*")


def code(text: str, longest: int = LONGEST) -> str:
    """`text` between backticks, on one line, fit for a cell of a table.

    No other way keeps Markdown, HTML and what turns bare addresses into links from reading it. A bar would end the
    cell in some dialects however it is escaped, so it is replaced by one that looks alike.

    >>> code("a|b`c` <img>"), code("")
    ('`` a¦b`c` <img> ``', '')
    """
    # Cut here and not by `shown`, which cuts for drawings.
    parts = (text[at : at + 80] for at in range(0, min(len(text), longest), 80))
    plain = "".join(shown(part) for part in parts).replace("|", "¦").strip()
    if len(text) > longest:
        plain = f"{plain[:longest]}…"
    if not plain:
        return ""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    pad = " " if "`" in plain else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def word(text: str, longest: int = LONGEST) -> str:
    """`text` as it is if no reader of Markdown could take it for anything else, otherwise as `code`.

    >>> word("train-cba 0.5"), word("1. *a*"), word("www.example.com"), word("a.example")
    ('train-cba 0.5', '`1. *a*`', '`www.example.com`', '`a.example`')
    """
    return text if _PLAIN.fullmatch(text) and len(text) <= longest else code(text, longest)


def block(text: str, language: str = "") -> str:
    """`text` as a fenced block of lines, which none of them can end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def link(label: str, url: str) -> str:
    """A link; only the label as code where a browser would not go to the URL but run it."""
    if not is_page(url):
        return code(label)
    return f"[{word(label)}](<{quote(url, safe=':/?#[]@!$&()*+,;=%~-._')}>)"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; nothing if there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join([*head, *lines])
