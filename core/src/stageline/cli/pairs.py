"""`KEY=VALUE` on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from stageline.errors import InvalidInput


def parse_pairs(texts: Sequence[str], *, or_else: Sequence[str] | None = None) -> dict[str, str]:
    """The pairs; a value may hold further `=`.

    Args:
        texts: What was typed.
        or_else: What else the command could do; if it is given and empty too, there is nothing to do.

    Raises:
        InvalidInput: a text has no `=`, or there is nothing to do.
    """
    if or_else is not None and not texts and not or_else:
        raise InvalidInput("nothing to do: give KEY=VALUE to set a tag, or --remove KEY")
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput(f"expected KEY=VALUE, such as team=blue, not {text!r}")
        pairs[key] = value
    return pairs
