"""How the pages behave, as whoever starts them chose."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence

import msgspec

from stageline.errors import InvalidInput

NEEDED = {
    name: name.replace("-", "_")
    for name in (
        "grandalf",
        "jinja2",
        "markdown-it-py",
        "nh3",
        "numpy",
        "plotly",
        "python-multipart",
        "tsdownsample",
    )
} | {"markdown-it-py": "markdown_it"}
"""What the extra `ui` installs, and what each is imported as."""
_ORIGIN = re.compile(r"https?://(\*\.)?[\w.-]+(:\d{1,5}|:\*)?", re.ASCII)
_PREFIX = re.compile(r"(/[\w.~-]+)+", re.ASCII)


class PageOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `add_pages` is told."""

    prefix: str = ""
    """The path below which the pages lie, such as `/stageline`; links begin with it."""
    frame_ancestors: tuple[str, ...] = ("'self'",)
    """Who may show a page within one of theirs, as CSP says it: `'self'`, `'none'`, origins."""
    is_framed: bool = False
    """Whether they are parts of another application's pages: these have a sidebar and colours of their own."""


def check_installed() -> None:
    """Raise `InvalidInput` where a library is missing that pages are made by."""
    missing = [name for name, module in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise InvalidInput(f"pages need {' and '.join(missing)}: `pip install 'stageline[ui]'`")


def check_prefix(prefix: str) -> str:
    """The prefix without its last slash. Raises `InvalidInput` where it is no path."""
    found = prefix.rstrip("/")
    if found and not is_prefix(found):
        raise InvalidInput(
            f"the prefix {prefix!r} should be a path such as /stageline, of letters, digits and any of . _ ~ -"
        )
    return found


def check_ancestors(given: Sequence[str]) -> tuple[str, ...]:
    """Who may frame a page, as CSP spells it; pages of the same origin if nobody is given. Raises `InvalidInput`."""
    words = {"self": "'self'", "none": "'none'"}
    found = [words.get(one.strip("'"), one) for one in given] or ["'self'"]
    for one in found:
        if one not in words.values() and not _ORIGIN.fullmatch(one):
            raise InvalidInput(
                f"the frame ancestor {one!r} should be an origin such as https://airflow.example.org, self or none"
            )
    if "'none'" in found and len(found) > 1:
        raise InvalidInput("the frame ancestor none leaves no room for others")
    return tuple(found)


def is_prefix(text: str) -> bool:
    """Whether it is a path that links may begin with: never another host."""
    return _PREFIX.fullmatch(text) is not None
