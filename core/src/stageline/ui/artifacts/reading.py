"""The bytes of a file of a run, as far as a page needs them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from stageline.tracking.artifact_reading import ArtifactReader

if TYPE_CHECKING:
    from typing import BinaryIO

    from stageline.workspace import Workspace


class Beginning(NamedTuple):
    """The first bytes of a file."""

    data: bytes
    size: int
    """Of the whole file."""

    @property
    def is_cut(self) -> bool:
        """Whether there is more."""
        return self.size > len(self.data)


def open_file(workspace: Workspace, run_id: str, path: str) -> tuple[BinaryIO, int]:
    """A stream of a file, and its size in bytes; the caller closes it. Raises `NotFound`, `InvalidInput`.

    The manifest is not asked: what is shown is checked by whoever downloads it with the library.
    """
    stream = ArtifactReader(workspace.store, run_id, known=dict).open(path)
    try:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return stream, size


def read_beginning(workspace: Workspace, run_id: str, path: str, most: int) -> Beginning:
    """At most `most` bytes. Raises `NotFound`, `InvalidInput`."""
    stream, size = open_file(workspace, run_id, path)
    with stream:
        return Beginning(stream.read(most), size)
