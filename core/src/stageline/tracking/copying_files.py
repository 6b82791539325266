"""The files of a run from one store into another: several at a time, each checked on the way, none sent twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from stageline.errors import Corrupt
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.storage.relay import holds, relay_object
from stageline.storage.transfer import in_turn

if TYPE_CHECKING:
    from stageline.domain.artifact import StoredFile
    from stageline.storage.port import ObjectStore
    from stageline.storage.transfer import Progress
    from stageline.tracking.reading import StoredRun


def copy_files(
    source: ObjectStore,
    target: ObjectStore,
    run: StoredRun,
    target_id: str,
    *,
    folder: str | None,
    progress: Progress | None,
) -> dict[str, StoredFile]:
    """Copy the artifacts at or under `folder` to the run `target_id`; what the manifest says of them.

    Those that nobody noted come too, and nobody vouches for them there either.

    Raises:
        Corrupt: a file is missing, or not what was logged.
    """
    here, there = layout.run_artifacts(run.summary.run_id), layout.run_artifacts(target_id)
    wanted = {
        path: file
        for path, file in run.files.items()
        if file.sha256 is not None and _is_in(path, folder)
    }
    listed = {entry.key[len(here) :]: entry.size for entry in source.list(here)}
    arrived = {entry.key[len(there) :]: entry.size for entry in target.list(there)}
    stop = threading.Event()
    told = in_turn(progress, stop)

    def send(path: str) -> None:
        file = wanted.get(path)
        expected = (file.sha256, file.size) if file and file.sha256 is not None else None
        if expected and arrived.get(path) == expected[1] and holds(target, there + path, expected):
            told(expected[1])
            return
        if path not in listed:
            raise Corrupt(
                f"run {run.summary.run_id} should have the artifact {path!r}, but there is no such object in "
                f"{source.url}: log it again, or delete it from the run"
            )
        size = listed[path]
        relay_object(source, here + path, target, there + path, expected, size, progress=told)

    together(send, sorted({*wanted, *(path for path in listed if _is_in(path, folder))}), stop=stop)
    return wanted


def _is_in(path: str, folder: str | None) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
