"""From a project's URI to a folder that it can run in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.projects.built import private_folder
from stageline.projects.sources.address import Address, Kind, parse_address
from stageline.projects.sources.fetched import Fetched
from stageline.projects.sources.folder import fetch_folder, repository_of, subfolder_of
from stageline.projects.sources.landing import Limits

if TYPE_CHECKING:
    from stageline.projects.built import Built

Say = Callable[[str], None]
Progress = Callable[[int], None]


def fetch(
    uri: str,
    version: str | None,
    *,
    cache: Path,
    say: Say,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Fetched:
    """The project at `uri`, on this disk. A folder is used where it is; all else is a copy for this run alone.

    Args:
        uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` names a folder in it.
        version: A branch, a tag or a commit (a short one too) of a git repository; None is its default branch, or
            for a folder what lies there now.
        cache: A folder for what may be used again.
        say: Told, in a line each, what takes a while and what was left out.
        storage_options: For fsspec's URLs.
        progress: Called with the bytes that have arrived since its last call.
        limits: On what is fetched.

    Raises:
        InvalidInput: the URI or the version is none, or what it names is not safe to lay down.
        NotFound: there is no such folder, archive, repository, version or subfolder.
        StorageFailed: the place does not answer; its subclass `Unauthorized`: it refuses the credentials.
    """
    address = parse_address(uri)
    within = limits or Limits()
    if address.kind is Kind.GIT:
        return _from_git(address, version, None, cache, say, within, progress)
    if address.kind is Kind.FOLDER:
        return _from_folder(address, version, cache, say, within, progress)
    if version is not None:
        raise InvalidInput(
            f"{address.public} is no git repository, so it has no version {version!r}: leave the version out"
        )
    # Late, here and below: most projects are folders, and need neither fsspec nor dulwich.
    from stageline.projects.sources import downloads
    from stageline.projects.sources.archive import unpack
    from stageline.projects.sources.copies import COPIES, own_copy

    say(f"fetching {address.public}")
    options = storage_options or {}

    def fill(folder: Path) -> None:
        if address.kind is Kind.REMOTE_FOLDER:
            downloads.land_folder(
                address, folder, options=options, limits=within, progress=progress
            )
            return
        scratch = private_folder(cache / COPIES)
        with downloads.opened_archive(
            address, options=options, scratch=scratch, limits=within, progress=progress
        ) as archive:
            unpack(archive, address.public, folder, say=say, limits=within)

    copy = own_copy(cache, fill, address.public)
    return Fetched(_in_copy(copy, address), address.public, copy=copy)


def _from_folder(
    address: Address,
    version: str | None,
    cache: Path,
    say: Say,
    limits: Limits,
    progress: Progress | None,
) -> Fetched:
    here = fetch_folder(address)
    if version is None:
        return here
    root = repository_of(here.folder)
    if root is None:
        raise InvalidInput(
            f"{address.public} is no git repository, so it has no version {version!r}: leave the version out"
        )
    # What is committed, not what lies there; the user's working tree is left alone.
    inside = here.folder.resolve().relative_to(root).as_posix()
    committed = Address(Kind.GIT, str(root), "" if inside == "." else inside, address.public)
    return _from_git(committed, version, here.repo_url, cache, say, limits, progress)


def _from_git(
    address: Address,
    version: str | None,
    repo_url: str | None,
    cache: Path,
    say: Say,
    limits: Limits,
    progress: Progress | None,
) -> Fetched:
    from stageline.projects.sources.copies import own_copy
    from stageline.projects.sources.git import commit_of

    cached, commit, branch = commit_of(
        address, version, cache=cache, say=say, limits=limits, progress=progress
    )
    try:
        copy = own_copy(
            cache,
            lambda folder: shutil.copytree(cached.folder, folder, symlinks=True),
            address.public,
        )
    finally:
        cached.hold.release()
    url = repo_url or address.public.partition("#")[0]
    return Fetched(_in_copy(copy, address), address.public, commit, url, branch, copy)


def _in_copy(copy: Built, address: Address) -> Path:
    try:
        folder = subfolder_of(copy.folder, address)
    except BaseException:
        copy.discard()
        raise
    if address.subfolder or address.kind is not Kind.ARCHIVE:
        return folder
    return _only_folder(folder) or folder


def _only_folder(folder: Path) -> Path | None:
    """The one folder of an archive that holds nothing else, as the archives of code hosts do, if it is a project."""
    names = list(folder.iterdir())
    if len(names) != 1 or not names[0].is_dir() or names[0].is_symlink():
        return None
    is_project = any(one.name.lower() == "mlproject" for one in names[0].iterdir())
    return names[0] if is_project else None
