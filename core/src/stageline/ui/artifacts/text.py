"""Text as numbered lines of tokens, classed by Pygments where it knows the language: a template escapes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stageline.ui.artifacts.reading import Beginning

MOST_BYTES = 256 << 10
MOST_LINES = 5_000
MOST_COLOURED = 100_000
"""Characters: more are shown in one colour, since a lexer may be slow."""
LONGEST_LINE = 4_000

Token = tuple[str, str]
"""A class of style, empty for plain text, and the text."""


class ShownText(NamedTuple):
    """The beginning of a file of text."""

    lines: list[list[Token]]
    language: str
    is_cut: bool
    shown_bytes: int
    size: int


def decoded(data: bytes, *, is_cut: bool = False) -> str | None:
    """The text; None if the bytes are none. A character that the cut parted is left out."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if is_cut and error.start >= len(data) - 3:
            return data[: error.start].decode("utf-8-sig")
        return None


def shown_text(path: str, beginning: Beginning, *, is_text: bool = False) -> ShownText | None:
    """A file as lines; None if it holds no text, unless it `is_text` by its name and only spelt in another code."""
    text = decoded(beginning.data, is_cut=beginning.is_cut)
    if text is None:
        if not is_text:
            return None
        text = beginning.data.decode("utf-8", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    language, tokens = _coloured(path.rpartition("/")[2], text)
    lines = _lines(tokens)
    return ShownText(
        lines=lines[:MOST_LINES],
        language=language,
        is_cut=beginning.is_cut or len(lines) > MOST_LINES,
        shown_bytes=len(beginning.data),
        size=beginning.size,
    )


def _coloured(name: str, text: str) -> tuple[str, list[Token]]:
    if len(text) > MOST_COLOURED:
        return "", [("", text)]
    # Late: few pages show code. It comes with rich, and has no types.
    from pygments.lexers import get_lexer_for_filename  # type: ignore[import-untyped]
    from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return "", [("", text)]
    tokens = [(STANDARD_TYPES.get(kind, ""), part) for kind, part in lexer.get_tokens(text)]
    return lexer.name, tokens


def _lines(tokens: list[Token]) -> list[list[Token]]:
    lines: list[list[Token]] = [[]]
    for style, text in tokens:
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((style, _cut(part)))
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return lines


def _cut(part: str) -> str:
    return part if len(part) <= LONGEST_LINE else f"{part[:LONGEST_LINE]} …"
