"""Where files of strangers are laid down: in one fresh folder, within limits, and nothing but files, folders and links.

Links are made last, so that nothing is ever written through one, and none may lead out of the folder.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stageline.errors import InvalidInput
from stageline.storage.os_errors import local_failure

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 20
_LONGEST_NAME = 1024
_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_DRIVE = re.compile(r"^[A-Za-z]:")
# What HFS+ passes over when it compares names, so that ".g\u200cit" is ".git" there.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


@dataclass(frozen=True)
class Limits:
    """What a project may have at most; beyond it is a mistake or an attack."""

    files: int = 100_000
    """Files, folders and links together."""
    size: int = 8 << 30
    """Bytes, unpacked."""


class Landing:
    """A folder being filled. Raises `InvalidInput` for whatever would not be safe; the folder is then to be removed."""

    def __init__(
        self,
        root: Path,
        source: str,
        limits: Limits,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._root = root
        self._source = source
        self._limits = limits
        self._progress = progress
        self._size = 0
        self._seen: dict[str, tuple[str, str]] = {}
        self._links: list[tuple[str, str]] = []
        root.mkdir()

    def folder(self, name: str) -> None:
        """A folder, and those above it. Once more is fine."""
        self._folders(self._parts(name))

    def file(self, name: str, source: BinaryIO, *, is_executable: bool = False) -> None:
        """A file with what is left in `source`."""
        parts = self._parts(name)
        if not parts:
            raise self.refusal(name, "it names the folder itself")
        self._folders(parts[:-1])
        self._claim(parts, "file")
        try:
            descriptor = os.open(
                self._root.joinpath(*parts), _NEW, 0o755 if is_executable else 0o644
            )
            with os.fdopen(descriptor, "wb") as target:
                while data := source.read(CHUNK):
                    self._count(len(data))
                    target.write(data)
        except FileExistsError as error:
            raise self.refusal(name, "this disk does not tell it from another one") from error
        except OSError as error:
            raise local_failure("write", str(self._root.joinpath(*parts)), error) from error

    def link(self, name: str, target: str) -> None:
        """A symbolic link, made by `finish`."""
        parts = self._parts(name)
        if not parts or not target or "\0" in target:
            raise self.refusal(name, "it is a link to nothing")
        if target.startswith(("/", "\\")) or _DRIVE.match(target):
            raise self.refusal(name, f"it is a link to {target!r}, outside of the project")
        depth = len(parts) - 1
        for step in target.replace("\\", "/").split("/"):
            depth += -1 if step == ".." else 0 if step in ("", ".") else 1
            if depth < 0:
                raise self.refusal(name, f"it is a link to {target!r}, outside of the project")
        self._folders(parts[:-1])
        self._claim(parts, "link")
        self._links.append(("/".join(parts), target))

    def finish(self) -> None:
        """Make the links, and look where they lead by way of each other."""
        try:
            for name, target in self._links:
                os.symlink(target, self._root / name)
        except OSError as error:
            raise local_failure("link", str(self._root), error) from error
        root = os.path.realpath(self._root)
        for name, target in self._links:
            reached = os.path.realpath(self._root / name)
            if reached != root and not reached.startswith(root + os.sep):
                raise self.refusal(name, f"it is a link to {target!r}, outside of the project")

    def refusal(self, name: str, why: str) -> InvalidInput:
        """The error for an entry."""
        return InvalidInput(
            f"{self._source} holds {name!r}, which is refused: {why}. Nothing was kept"
        )

    def _parts(self, name: str) -> list[str]:
        fault = _fault(name)
        if fault:
            raise self.refusal(name, fault)
        return [part for part in name.split("/") if part not in ("", ".")]

    def _folders(self, parts: list[str]) -> None:
        for depth in range(1, len(parts) + 1):
            key = _folded(parts[:depth])
            if self._seen.get(key) == ("/".join(parts[:depth]), "folder"):
                continue
            self._claim(parts[:depth], "folder")
            self._root.joinpath(*parts[:depth]).mkdir()

    def _claim(self, parts: list[str], kind: str) -> None:
        """A name is given once; two plain files may differ by their case alone, where the disk tells them apart."""
        name, key = "/".join(parts), _folded(parts)
        other = self._seen.get(key)
        if other and (other[0] == name or other[1] != "file" or kind != "file"):
            raise self.refusal(name, f"there is a {other[1]} {other[0]!r} already")
        self._seen[key] = (name, kind)
        if len(self._seen) > self._limits.files:
            raise InvalidInput(
                f"{self._source} has more than {self._limits.files} files and folders, which no project needs: "
                "keep data elsewhere. Nothing was kept"
            )

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limits.size:
            raise InvalidInput(
                f"{self._source} unpacks to more than {self._limits.size} bytes, which no project needs: "
                "keep data elsewhere. Nothing was kept"
            )
        if self._progress:
            self._progress(size)


def is_git(part: str) -> bool:
    """Whether some disk takes a name for `.git`: by its case, by what it ignores, or by its short form."""
    plain = _IGNORED.sub("", unicodedata.normalize("NFC", part)).casefold()
    return plain.partition(":")[0].rstrip(". ") in (".git", "git~1")


def _fault(name: str) -> str:
    if not name or len(name) > _LONGEST_NAME:
        return f"a name has 1 to {_LONGEST_NAME} characters"
    if any(character < " " or character == "\x7f" for character in name):
        return "it has control characters in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "its name is absolute"
    if "\\" in name:
        return "it has a backslash in its name, which leads elsewhere on some systems"
    parts = name.split("/")
    if ".." in parts:
        return "its name leads out of the project"
    if any(is_git(part) for part in parts):
        return "it would be git's own settings, which name programs to run"
    return ""


def _folded(parts: list[str]) -> str:
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()
