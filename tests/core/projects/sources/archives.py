"""Archives as an attacker would make them, entry by entry."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A thing in an archive."""

    name: str
    content: bytes = b""
    kind: str = "file"
    """Or `folder`, `link`, `hardlink`, `device`, `pipe`."""
    target: str = ""
    mode: int = 0o644


_ZIP_KINDS = {
    "file": stat.S_IFREG,
    "folder": stat.S_IFDIR,
    "link": stat.S_IFLNK,
    "device": stat.S_IFCHR,
    "pipe": stat.S_IFIFO,
}
_TAR_KINDS = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hardlink": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "pipe": tarfile.FIFOTYPE,
}


def make_archive(path: Path, *entries: Entry) -> Path:
    """Write an archive of the kind that the path's ending says."""
    if path.suffix == ".zip":
        _zip(path, entries)
    else:
        _tar(path, entries)
    return path


def _zip(path: Path, entries: tuple[Entry, ...]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = entry.name + (
                "/" if entry.kind == "folder" else ""
            )
            info.external_attr = (_ZIP_KINDS[entry.kind] | entry.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.NameToInfo.clear()  # or it warns of a name that is there twice
            archive.writestr(info, entry.target.encode() if entry.kind == "link" else entry.content)


def _tar(path: Path, entries: tuple[Entry, ...]) -> None:
    mode = "w:gz" if path.name.endswith("gz") else "w:"
    with tarfile.open(path, mode) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.linkname, info.mode = _TAR_KINDS[entry.kind], entry.target, entry.mode
            info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
