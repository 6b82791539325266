"""The files of a commit, laid down without git: no settings, hooks or filters of the repository's are looked at."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dulwich.objects import S_ISGITLINK, Blob, ObjectID, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from dulwich.objects import Commit
    from dulwich.repo import Repo

    from stageline.projects.sources.landing import Landing

_LFS = b"version https://git-lfs.github.com/spec/"


def land_tree(repo: Repo, commit: Commit, landing: Landing, say: Callable[[str], None]) -> None:
    """Lay down the files of `commit`. Submodules, and what Git LFS keeps elsewhere, are left out and told.

    Raises:
        InvalidInput: a name or a link leads out of the folder, or there is too much.
    """
    submodules: list[str] = []
    pointers: list[str] = []
    for name, mode, object_id in _entries(repo, commit.tree, ""):
        if S_ISGITLINK(mode):
            submodules.append(name)
            continue
        if stat.S_ISDIR(mode):
            landing.folder(name)
            continue
        blob = repo[object_id]
        if not isinstance(blob, Blob):
            raise landing.refusal(name, "it is no file")
        if stat.S_ISLNK(mode):
            landing.link(name, os.fsdecode(blob.data))
            continue
        if blob.data.startswith(_LFS):
            pointers.append(name)
        landing.file(name, io.BytesIO(blob.data), is_executable=bool(mode & 0o111))
    landing.finish()
    if submodules:
        say(f"left out the submodules {', '.join(submodules)}: they are other repositories")
    if pointers:
        say(
            f"{len(pointers)} files are pointers to Git LFS, and were not fetched: {', '.join(pointers[:5])}"
        )


def _entries(repo: Repo, tree_id: ObjectID, prefix: str) -> Iterator[tuple[str, int, ObjectID]]:
    tree = repo[tree_id]
    assert isinstance(tree, Tree)
    for entry in tree.items():
        name = prefix + os.fsdecode(entry.path)
        yield name, entry.mode, entry.sha
        if stat.S_ISDIR(entry.mode) and not S_ISGITLINK(entry.mode):
            yield from _entries(repo, entry.sha, f"{name}/")
