"""What is known of a run's files: the manifest, folded from the records that stored them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.summary import RunSummary

if TYPE_CHECKING:
    from stageline.domain.events import ArtifactsStored

END_FORMAT = "stageline.end/1"


class StoredFile(NamedTuple):
    """A file's entry in the manifest."""

    stamp: int
    sha256: str | None
    """Hexadecimal digits; None: the file was taken away."""
    size: int


class RunEnd(msgspec.Struct, kw_only=True):
    """What one writer knew of the run when it stopped: saves a reader from opening its segments."""

    format: str = END_FORMAT
    writer: str
    segments: int
    """How many of the writer's segments this covers."""
    series: dict[str, list[int]] = {}
    """Metric -> numbers of this writer's segments that hold points of it."""
    attempt: int = 1
    has_output: bool = False
    summary: RunSummary
    files: dict[str, StoredFile] = {}


def keep_file(manifest: dict[str, StoredFile], path: str, entry: StoredFile) -> None:
    """Take `entry` into the manifest unless a later one is there."""
    known = manifest.get(path)
    if known is None or (entry.stamp, entry.sha256 or "") > (known.stamp, known.sha256 or ""):
        manifest[path] = entry


def fold_files(manifest: dict[str, StoredFile], event: ArtifactsStored) -> None:
    """Take what a record says of files into the manifest."""
    for path, file in event.files.items():
        keep_file(manifest, path, StoredFile(event.stamp, *(file or (None, 0))))
