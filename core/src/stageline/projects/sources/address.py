"""What kind of place a project's URI names. Pure but for one look: whether a path exists on this disk."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import InvalidInput
from stageline.storage.redaction import public_url

_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$", re.I)
# user@host:path, as ssh and git have it; a drive letter is no host.
_SCP = re.compile(r"^(?:[^/@:\s]+@)?[^/@:\s]{2,}:(?!//)")
_GIT_SCHEMES = frozenset(
    {"http", "https", "ssh", "git", "git+http", "git+https", "git+ssh", "git+file"}
)


_LONGEST_PART = 255
"""Bytes, of a name on the usual file systems."""


class Kind(Enum):
    """How the code is fetched."""

    FOLDER = "folder"
    ARCHIVE = "archive"
    GIT = "git"
    REMOTE_FOLDER = "remote folder"


class Address(NamedTuple):
    """A project's URI, read."""

    kind: Kind
    place: str
    """A path for what lies on this disk, else a URL. May hold credentials: show `public` instead."""
    subfolder: str
    public: str
    """The whole URI as it may be shown and recorded."""

    @property
    def is_local(self) -> bool:
        """Whether `place` is a path."""
        return "://" not in self.place and not (self.kind is Kind.GIT and _SCP.match(self.place))


def parse_address(uri: str) -> Address:
    """Read a project's URI: a path, or a URL, with `#subfolder` if the project is not at its root.

    What exists on this disk is a path; what ends like an archive is one; `s3://` and its like are folders; the rest is
    git, as MLflow has it, and `git+` in front says so where the ending or the scheme would not.

    Raises:
        InvalidInput: the URI names a transport that runs commands, reads as an option, or leads out by its subfolder.
    """
    text = uri.strip().strip("'\"")
    place, _, subfolder = text.partition("#")
    _check(text, place, subfolder)
    public = without_credentials(place) + (f"#{subfolder}" if subfolder else "")
    scheme = place.partition("://")[0].lower() if "://" in place else ""
    if scheme == "file":
        place, scheme = str(_local_path(place)), ""
    elif scheme == "git+file":
        place = str(_local_path(place.partition("+")[2]))
        return Address(Kind.GIT, place, subfolder, public)
    if not scheme:
        return _local(place, subfolder, public)
    if scheme.startswith("git+"):
        return Address(Kind.GIT, place.partition("+")[2], subfolder, public)
    if _ARCHIVE.search(urlsplit(place).path):
        return Address(Kind.ARCHIVE, place, subfolder, public)
    kind = Kind.GIT if scheme in _GIT_SCHEMES else Kind.REMOTE_FOLDER
    return Address(kind, place, subfolder, public)


def without_credentials(place: str) -> str:
    """A URL or `user@host:path` as it may be shown.

    >>> without_credentials("https://ann:ghp_secret@example.com/team/repo.git")
    'https://example.com/team/repo.git'
    >>> without_credentials("git@example.com:team/repo.git")
    'git@example.com:team/repo.git'
    """
    if "://" in place:
        return public_url(place)
    return re.sub(r"^(?!git@)[^/@]*@", "", place) if _SCP.match(place) else place


def _local(place: str, subfolder: str, public: str) -> Address:
    # Unlike Path's, these functions take any text for a path that may be there or not.
    path = Path(os.path.expanduser(place))
    if any(len(part.encode(errors="replace")) > _LONGEST_PART for part in path.parts):
        raise InvalidInput(
            f"{public[:100]!r}... is no path, since a part of it is longer than {_LONGEST_PART} bytes"
        )
    if not os.path.lexists(path) and _SCP.match(place):
        return Address(Kind.GIT, place, subfolder, public)
    found = os.path.abspath(path)
    if is_bare_repository(path):
        return Address(Kind.GIT, found, subfolder, public)
    kind = Kind.ARCHIVE if _ARCHIVE.search(place) and not path.is_dir() else Kind.FOLDER
    return Address(kind, found, subfolder, public)


def check_git(address: Address) -> None:
    """Raises `InvalidInput` if a part of the address would be an option of the ssh command."""
    host_and_path = _SCP.match(address.place)
    if address.is_local:
        return
    if host_and_path:
        host, path = address.place.split(":", 1)
        user, _, host = host.rpartition("@")
        parts = [user, host, path]
    else:
        url = urlsplit(address.place)
        parts = [unquote(url.username or ""), url.hostname or "", unquote(url.path).lstrip("/")]
        if not url.hostname:
            raise InvalidInput(f"{address.public!r} names no host")
    if any(part.startswith("-") for part in parts):
        raise InvalidInput(
            f"{address.public!r} is refused: no user, host or path starts with '-', which ssh takes for an option"
        )


def is_bare_repository(path: Path) -> bool:
    """Whether a folder is a git repository that has no files of its own."""
    return all((path / name).exists() for name in ("HEAD", "objects", "refs"))


def _check(text: str, place: str, subfolder: str) -> None:
    if not place:
        raise InvalidInput(
            "a project is a folder, an archive or a URL, such as '.', 'project.zip' or 'https://host/team/repo.git'"
        )
    if any(character < " " or character == "\x7f" for character in text):
        raise InvalidInput(
            "a project's URI can not hold control characters: check where it came from"
        )
    try:
        shown = without_credentials(place)
        _ = urlsplit(place).hostname
    except ValueError:  # not shown: where a password would be in it can not be told
        raise InvalidInput(
            "a project's URI can not be read as a URL: a host in brackets is an IPv6 address"
        ) from None
    if place.startswith("-"):
        raise InvalidInput(
            f"a project's URI can not start with '-': a folder of that name is './{shown}'"
        )
    if "::" in place:
        raise InvalidInput(
            f"{shown!r} is refused: a transport such as 'ext::' runs commands. "
            "Name the folder, the archive or the repository itself"
        )
    if subfolder:
        try:
            check_artifact_path(subfolder)
        except InvalidInput as error:
            raise InvalidInput(
                f"what follows '#' is a folder inside the project: {error}"
            ) from error


def _local_path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(
            f"{public_url(url)!r} names a host: a path on this machine is 'file:///path', "
            "and another machine is reached by ssh"
        )
    path = unquote(parts.path)
    if not path.startswith("/") or "\0" in path:
        raise InvalidInput(f"{public_url(url)!r} should have an absolute path: 'file:///path'")
    return Path(path)
