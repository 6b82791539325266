"""A run's files as a tree, unfolded along the path that is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.run import ArtifactFile

MOST_SHOWN = 500
"""Entries of one folder."""
UNFOLDED = 300
"""A tree of so many files is sent whole; of a larger one, only the folders on the way to the path."""


class Branch(NamedTuple):
    """A file, or a folder with what is in it."""

    name: str
    path: str
    is_dir: bool
    size: int
    """Bytes; of a folder, of all that is in it."""
    files: int
    """1, or as many as a folder holds at any depth."""
    sha256: str | None
    children: list[Branch]
    left_out: int
    is_open: bool


def tree_of(files: Iterable[ArtifactFile], path: str) -> Branch:
    """The root folder of `files`, in order of path; `path` is the file or folder that is looked at."""
    root = _Folder("", "")
    for file in files:
        *folders, name = file.path.split("/")
        place = root
        for folder in folders:
            place = place.folder(folder)
        place.files[name] = file
    root.count()
    return _branch(root, path, is_whole=root.files_below <= UNFOLDED)


def found_in(root: Branch, path: str) -> Branch | None:
    """What lies at a path, as far as the tree was sent."""
    if not path:
        return root
    place: Branch | None = root
    for name in path.split("/"):
        if place is None:
            return None
        place = next((one for one in place.children if one.name == name), None)
    return place


class _Folder:
    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.folders: dict[str, _Folder] = {}
        self.files: dict[str, ArtifactFile] = {}
        self.size = self.files_below = 0

    def folder(self, name: str) -> _Folder:
        known = self.folders.get(name)
        if known is None:
            known = self.folders[name] = _Folder(name, f"{self.path}/{name}".lstrip("/"))
        return known

    def count(self) -> None:
        self.size = sum(file.file_size or 0 for file in self.files.values())
        self.files_below = len(self.files)
        for folder in self.folders.values():
            folder.count()
            self.size += folder.size
            self.files_below += folder.files_below


def _branch(folder: _Folder, path: str, *, is_whole: bool) -> Branch:
    is_open = not folder.path or path == folder.path or path.startswith(f"{folder.path}/")
    entries: list[tuple[str, _Folder | ArtifactFile]] = []
    if is_whole or is_open:
        entries = sorted([*folder.folders.items(), *folder.files.items()], key=lambda one: one[0])
        entries.sort(key=lambda one: not isinstance(one[1], _Folder))
    shown = entries[:MOST_SHOWN]
    on_the_way = [one for one in entries[MOST_SHOWN:] if _leads_to(folder, one[0], path)]
    children = [
        _branch(one, path, is_whole=is_whole) if isinstance(one, _Folder) else _leaf(name, one)
        for name, one in (*shown, *on_the_way)
    ]
    return Branch(
        name=folder.name,
        path=folder.path,
        is_dir=True,
        size=folder.size,
        files=folder.files_below,
        sha256=None,
        children=children,
        left_out=len(entries) - len(children),
        is_open=is_open,
    )


def _leads_to(folder: _Folder, name: str, path: str) -> bool:
    here = f"{folder.path}/{name}".lstrip("/")
    return path == here or path.startswith(f"{here}/")


def _leaf(name: str, file: ArtifactFile) -> Branch:
    return Branch(name, file.path, False, file.file_size or 0, 1, file.sha256, [], 0, False)
