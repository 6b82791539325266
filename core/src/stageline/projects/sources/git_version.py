"""Which object of a git repository a version names. Pure: from the remote's refs to what is to be fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from stageline.errors import InvalidInput, NotFound

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{4,39}")
_HEADS, _TAGS, _PEELED = "refs/heads/", "refs/tags/", "^{}"


class Wanted(NamedTuple):
    """What to fetch."""

    object_id: str
    """Forty digits, of a commit or of a tag; empty where only the whole history can tell."""
    branch: str | None = None
    short: str = ""
    """The beginning of a commit's id."""


def wanted_of(
    version: str | None, refs: Mapping[str, str], head: str | None, repository: str
) -> Wanted:
    """What `version` means where the remote has these `refs`, and `head` as its default branch.

    A name is that of a tag before that of a branch, and either before a short commit, as git has it.

    Raises:
        InvalidInput: it could not be a version.
        NotFound: the remote has no such thing; the message names some that it has.
    """
    if version is None:
        return _default(refs, head, repository)
    name = version.strip()
    if not name or name.startswith("-") or any(c <= " " or c in "~^:?*[\\\x7f" for c in name):
        raise InvalidInput(f"{version!r} is no version: expected a branch, a tag or a commit")
    if _COMMIT.fullmatch(name.lower()):
        return Wanted(name.lower())
    for full in (name, f"refs/{name}", f"{_TAGS}{name}", f"{_HEADS}{name}"):
        if full in refs and full.startswith("refs/"):
            is_branch = full.startswith(_HEADS)
            return Wanted(
                refs.get(full + _PEELED, refs[full]), full[len(_HEADS) :] if is_branch else None
            )
    if _SHORT.fullmatch(name.lower()):
        return Wanted("", None, name.lower())
    raise NotFound(f"{repository} has no version {version!r}; {_known(refs)}")


def _default(refs: Mapping[str, str], head: str | None, repository: str) -> Wanted:
    if head in refs and head is not None:
        return Wanted(refs[head], head.removeprefix(_HEADS))
    if "HEAD" in refs:
        return Wanted(refs["HEAD"])
    raise NotFound(f"{repository} has no default branch: name a version; {_known(refs)}")


def _known(refs: Mapping[str, str]) -> str:
    names = [
        ref.partition("/")[2].partition("/")[2]
        for ref in sorted(refs)
        if ref.startswith((_HEADS, _TAGS)) and not ref.endswith(_PEELED)
    ]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"it has {', '.join(names[:10])}{more}" if names else "it is empty"
