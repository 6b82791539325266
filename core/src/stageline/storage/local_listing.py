"""What a folder of a local store holds, as objects: in the order of their keys, without links and temporary files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stageline.storage.keys import TEMPORARY
from stageline.storage.os_errors import ABSENT
from stageline.storage.port import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator


def entries(folder: str, prefix: str, *, deep: bool) -> Iterator[Entry]:
    """What lies in `folder` and, if `deep`, below it, by keys that begin with `prefix`, in key order. Raises `OSError`.

    Both end with "/". A folder below is an entry too where the listing is not deep.
    """
    try:
        with os.scandir(folder) as scan:
            found = [(_sort_name(item), item) for item in scan if _is_object(item)]
    except OSError as error:
        if error.errno in ABSENT:
            return
        raise
    # A folder sorts as "name/", so that a depth-first walk yields keys in their order.
    found.sort(key=lambda pair: pair[0])
    for name, item in found:
        if not name.endswith("/"):
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:  # deleted since the scan
                continue
            yield Entry(prefix + name, status.st_size, status.st_mtime)
        elif deep:
            yield from entries(folder + name, prefix + name, deep=True)
        else:
            yield Entry(prefix + name, 0, 0.0)


def _sort_name(item: os.DirEntry[str]) -> str:
    return item.name + "/" if item.is_dir(follow_symlinks=False) else item.name


def _is_object(item: os.DirEntry[str]) -> bool:
    return not item.is_symlink() and not item.name.startswith(TEMPORARY)
