"""A project that lies in a folder of this disk: used where it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, NotFound
from stageline.projects.sources.fetched import Fetched
from stageline.tracking.source import CodeVersion, code_version

if TYPE_CHECKING:
    from stageline.projects.sources.address import Address


def fetch_folder(address: Address) -> Fetched:
    """The folder itself, and the commit that it stands on. Raises `NotFound`, `InvalidInput`."""
    folder = subfolder_of(Path(address.place), address)
    root = repository_of(folder)
    version = code_version(str(root)) if root else CodeVersion()
    return Fetched(folder, address.public, version.commit, version.repo_url, version.branch)


def subfolder_of(root: Path, address: Address) -> Path:
    """The folder in `root` that the address names. Raises `NotFound`, `InvalidInput`."""
    folder = root / address.subfolder if address.subfolder else root
    if not folder.exists():
        raise NotFound(
            f"no project at {address.public}: there is no folder {address.subfolder or address.public!r}"
            + _beside(root)
        )
    if not folder.is_dir():
        raise InvalidInput(
            f"{address.public} is no folder: a project is a folder, a .zip or .tar.gz archive, or a git repository"
        )
    return folder


def repository_of(folder: Path) -> Path | None:
    """The nearest folder upward that is a git working tree."""
    here = Path(os.path.realpath(folder))
    return next((one for one in (here, *here.parents) if (one / ".git").exists()), None)


def _beside(root: Path) -> str:
    if not root.is_dir():
        return ""
    folders = sorted(one.name for one in root.iterdir() if one.is_dir() and one.name != ".git")
    return f". Its folders: {', '.join(folders[:10]) or 'none'}"
