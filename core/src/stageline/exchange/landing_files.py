"""The files of a run of another tracker, sent to its artifacts: several at a time, and none that is there already."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.domain.artifact import StoredFile
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.storage.relay import holds
from stageline.storage.transfer import hash_file, put_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.exchange.belongings import SourceFiles
    from stageline.storage.port import ObjectStore
    from stageline.storage.transfer import Progress


def send_files(
    store: ObjectStore,
    run_id: str,
    stamp: int,
    mounts: Mapping[str, SourceFiles],
    progress: Progress,
) -> dict[str, StoredFile]:
    """Send all files of `mounts`, which are by the folder where they go; what the manifest says of them."""
    root = layout.run_artifacts(run_id)
    arrived = {entry.key[len(root) :]: entry.size for entry in store.list(root)}
    manifest: dict[str, StoredFile] = {}

    def send(item: tuple[str, SourceFiles, str]) -> None:
        place, files, path = item
        with tempfile.TemporaryDirectory(prefix="stageline-import-") as made:
            file = files.on_disk(path, Path(made))
            digest = hash_file(file)
            if arrived.get(place) != digest[1] or not holds(store, root + place, digest):
                digest = put_file(store, file, root + place)
        manifest[place] = StoredFile(stamp, *digest)
        progress(digest[1])

    wanted = [
        (f"{folder}/{path}" if folder else path, files, path)
        for folder, files in mounts.items()
        for path in files.sizes()
    ]
    together(send, wanted)
    return manifest
