"""From a project's URI to a folder that it can run in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.projects.sources.address import parse_address
from stageline.projects.sources.folder import fetch_folder

if TYPE_CHECKING:
    from stageline.projects.sources.fetched import Fetched

Say = Callable[[str], None]


def fetch(
    uri: str,
    version: str | None,
    *,
    cache: Path,
    say: Say,
) -> Fetched:
    """The project at `uri`, on this disk.

    Args:
        uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` names a folder in it.
        version: A branch, a tag or a commit (a short one too) of a git repository; None is its default branch.
        cache: A folder for what may be used again.
        say: Told, in a line each, what takes a while and what was left out.

    Raises:
        InvalidInput: the URI or the version is none, or what it names is not safe to lay down.
        NotFound: there is no such folder, archive, repository, version or subfolder.
        StorageFailed: the place does not answer; its subclass `Unauthorized`: it refuses the credentials.
    """
    address = parse_address(uri)
    return fetch_folder(address)
