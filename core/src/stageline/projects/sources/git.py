"""A project in a git repository: its files at one commit, cached by that commit, without a `.git` folder."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich.repo import Repo

from stageline.projects.built import Built, built_once
from stageline.projects.sources.git_remote import Remote
from stageline.projects.sources.git_tree import land_tree
from stageline.projects.sources.git_version import Wanted, wanted_of
from stageline.projects.sources.landing import Landing, Limits

if TYPE_CHECKING:
    from stageline.projects.sources.address import Address

COMMITS = "commits"
"""Below the cache."""
_ID = re.compile(r"[0-9a-f]{40}")


def commit_of(
    address: Address,
    version: str | None,
    *,
    cache: Path,
    say: Callable[[str], None],
    limits: Limits,
    progress: Callable[[int], None] | None,
) -> tuple[Built, str, str | None]:
    """The files of a version as they lie in the cache, its commit, and its branch if it names one.

    A commit that is in the cache takes no request; of processes that ask at once, one clones.
    """
    remote = Remote(address)
    if version and _ID.fullmatch(version.lower()):
        wanted = Wanted(version.lower())
    else:
        refs = remote.refs()
        wanted = wanted_of(version, refs.ids, refs.head, address.public)
    name = wanted.object_id or wanted.short

    def clone(content: Path, lock: int) -> Mapping[str, str]:
        del lock
        say(f"cloning {address.public} at {name[:12]}")
        scratch = content.with_name("objects")
        landing = Landing(content, address.public, limits, progress)
        with Repo.init_bare(scratch, mkdir=True) as repo:
            get = remote.fetch if wanted.object_id else remote.find
            commit = get(name, repo)
            land_tree(repo, commit, landing, say)
        shutil.rmtree(scratch)
        return {"repository": address.public.partition("#")[0], "commit": commit.id.decode()}

    # The address is in the key, so that nobody's repository can stand in for another's.
    place = hashlib.sha256(address.place.encode()).hexdigest()[:16]
    built = built_once(cache / COMMITS, f"{place}-{name}", clone, what=address.public, say=say)
    return built, built.facts["commit"], wanted.branch
