"""Zip and tar archives, unpacked without trusting them."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from stageline.errors import InvalidInput
from stageline.projects.sources.landing import CHUNK, Landing, Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from tarfile import TarFile, TarInfo
    from zipfile import ZipFile, ZipInfo

# The standard library reads these into memory at whatever length the archive claims.
_LONGEST_HEADER = 64 << 10
_LONGEST_INDEX = 32 << 20
_MOST_SETTINGS = 100
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile,
    UnicodeDecodeError,  # zipfile's, of a name that is said to be UTF-8
)  # fmt: skip


def unpack(
    archive: BinaryIO,
    name: str,
    folder: Path,
    *,
    say: Callable[[str], None],
    limits: Limits | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Lay the content of an archive down in `folder`, which does not exist yet. A `.git` folder in it is left out.

    Args:
        archive: Seekable.
        name: As it may be shown; its ending says what kind of archive it is.
        folder: To be removed by the caller if this raises.
        say: Told what was left out.
        limits: On the number and size of its files.
        progress: Called with the bytes written since the last call.

    Raises:
        InvalidInput: it is no sound archive, is too big, or holds an entry that is no file, folder or link in it.
    """
    within = limits or Limits()
    landing = Landing(folder, name, within, progress)
    path = name.partition("#")[0].lower()
    try:
        if path.endswith(".zip"):
            history = _unzip(archive, landing, within)
        elif path.endswith((".gz", ".tgz")):
            with gzip.GzipFile(fileobj=archive, mode="rb") as plain:
                history = _untar(cast("BinaryIO", plain), landing, within)
        else:
            history = _untar(archive, landing, within)
    except _DAMAGED as error:
        raise InvalidInput(
            f"{name} is no sound archive: {error}. Make it, or fetch it, again"
        ) from error
    except (
        RuntimeError
    ) as error:  # zipfile asks for a password; tarfile went through too many headers
        raise InvalidInput(
            f"{name} can not be unpacked: {error}. Make it again, as a plain one"
        ) from error
    landing.finish()
    if history:
        say(f"left out the {history} entries of a .git folder in {name}: an archive has no history")


def _unzip(archive: BinaryIO, landing: Landing, limits: Limits) -> int:
    """How many entries were left out."""
    history = 0
    with zipfile.ZipFile(cast("BinaryIO", _Sparing(archive, _LONGEST_INDEX))) as opened:
        members = opened.infolist()
        if len(members) > limits.files:
            raise landing.refusal(members[-1].orig_filename, f"it is one of {len(members)} entries")
        for member in members:
            # `filename` ends at a NUL: another name than the archive has.
            if ".git" in member.orig_filename.split("/"):
                history += 1
            else:
                _land_zipped(opened, member, landing)
    return history


def _land_zipped(opened: ZipFile, member: ZipInfo, landing: Landing) -> None:
    name, mode = member.orig_filename, member.external_attr >> 16
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise landing.refusal(name, "it is packed by another method than 'deflate'")
    if stat.S_ISLNK(mode):
        if member.file_size > _LONGEST_HEADER:
            raise landing.refusal(name, "it is a link with a target too long for any disk")
        landing.link(name, opened.read(member).decode("utf-8", "replace"))
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise landing.refusal(name, "it is a device, a pipe or a socket")
    elif name.endswith("/"):
        landing.folder(name)
    else:
        with opened.open(member) as source:
            landing.file(name, cast("BinaryIO", source), is_executable=bool(mode & 0o111))


def _untar(archive: BinaryIO, landing: Landing, limits: Limits) -> int:
    """How many entries were left out."""
    history = 0
    # What is passed over counts too: unpacking zeros for ever is an attack as well.
    sparing = _Sparing(archive, _LONGEST_HEADER, 2 * limits.size + (64 << 20))
    with tarfile.open(fileobj=cast("BinaryIO", sparing), mode="r:") as opened:
        for member in opened:
            opened.members = []  # type: ignore[attr-defined]  # or tarfile keeps every header that it has seen
            if len(opened.pax_headers) > _MOST_SETTINGS:
                raise landing.refusal(member.name, "it stands behind too many headers")
            if ".git" in member.name.split("/"):
                history += 1
                continue
            sparing.most = CHUNK
            _land_tarred(opened, member, landing)
            sparing.most = _LONGEST_HEADER
    return history


def _land_tarred(opened: TarFile, member: TarInfo, landing: Landing) -> None:
    if member.isdir():
        landing.folder(member.name)
    elif member.issym():
        landing.link(member.name, member.linkname)
    elif member.islnk():
        raise landing.refusal(member.name, f"it is a hard link to {member.linkname!r}")
    elif not member.isreg() or member.issparse():
        raise landing.refusal(member.name, "it is a device, a pipe or a sparse file")
    else:
        source = cast("BinaryIO", opened.extractfile(member))
        landing.file(member.name, source, is_executable=bool(member.mode & 0o111))


class _Sparing:
    """A stream that gives no more than so much at once and in all, so that a claim of gigabytes costs nothing."""

    def __init__(self, inner: BinaryIO, most: int, furthest: int | None = None) -> None:
        self._inner = inner
        self.most = most
        self._furthest = furthest

    def read(self, size: int = -1) -> bytes:
        if size > self.most:
            raise tarfile.ReadError(f"a header claims {size} bytes")
        return self._inner.read(self.most if size < 0 else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if self._furthest is not None and offset > self._furthest:
            raise tarfile.ReadError(f"an entry claims to begin after {offset} bytes")
        if offset < 0 == whence:  # of a zip that lost its beginning
            raise tarfile.ReadError("an entry claims to begin before the archive does")
        return self._inner.seek(offset, whence)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        """Whoever opened the archive closes it."""
