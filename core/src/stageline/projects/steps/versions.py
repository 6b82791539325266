"""What lies at a URL, told from what lay there before, without reading it where its place knows a version."""

from __future__ import annotations

import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.projects.downloads import TIMEOUT_S
from stageline.projects.parameters import local_path
from stageline.projects.steps.facts import digest_of_digests
from stageline.projects.steps.step import is_under
from stageline.storage.local_files import files_under
from stageline.storage.open import open_store
from stageline.storage.parallel import together
from stageline.storage.redaction import public_url
from stageline.storage.transfer import hash_file

if TYPE_CHECKING:
    from stageline.projects.downloads import Downloads
    from stageline.storage.port import Entry
    from stageline.tracking.artifacts import RunArtifacts

NO_VERSION = "no version: "
"""How the digest of something begins that no two looks can tell apart: it counts as new each time."""


class Versions:
    """Digests of what URLs, and paths on this disk, name."""

    def __init__(
        self,
        artifacts: Callable[[str], RunArtifacts],
        downloads: Downloads,
        options: Callable[[str], Mapping[str, Any]],
    ) -> None:
        self._artifacts = artifacts
        self._downloads = downloads
        self._options = options

    def digest(self, place: str) -> str:
        """What changes when the content does.

        The content's own on this disk, of a run's files and of models; the ETag, or size and time, of what lies in a
        bucket; the ETag or date of what a web server has.

        Raises:
            NotFound: nothing is there.
            StorageFailed: the place does not answer.
        """
        path = local_path(place)
        if path is not None:
            return path_digest(Path(path))
        scheme = urlsplit(place).scheme
        if scheme == "runs":
            return self._of_run(place)
        if scheme == "models":
            with tempfile.TemporaryDirectory(prefix="stageline-") as folder:
                return path_digest(self._downloads.fetch(place, Path(folder, "model")))
        return _of_web(place) if scheme in ("http", "https") else self._of_store(place, scheme)

    def _of_run(self, uri: str) -> str:
        run_id, _, path = urlsplit(uri).path.strip("/").partition("/")
        if not path:
            raise InvalidInput(f"{uri!r} names no file: expected runs:/<run_id>/<path>")
        artifacts = self._artifacts(run_id)
        listed = [*artifacts.walk(path), *artifacts.list(path.rpartition("/")[0])]
        found = {
            one.path: one.sha256 or NO_VERSION + os.urandom(8).hex()
            for one in listed
            if not one.is_dir and is_under(one.path, path)
        }
        if not found:
            raise NotFound(f"there is nothing at {uri}")
        return digest_of_digests(found)

    def _of_store(self, url: str, protocol: str) -> str:
        parent, _, name = url.rstrip("/").rpartition("/")
        if not name or parent.endswith(":/"):
            raise InvalidInput(
                f"{public_url(url)!r} names no file or folder: expected {protocol}://place/path"
            )
        store = open_store(parent, self._options(protocol))
        beside = store.list("", deep=False)
        found = [one for one in beside if one.key == name]
        if not found:
            found = store.list(f"{name}/")
        if not found:
            raise NotFound(f"there is neither a file nor a folder at {public_url(url)}")
        return digest_of_digests({one.key: _version(one) for one in found})


def path_digest(path: Path) -> str:
    """The digest of a file, or of a folder's files. Raises `NotFound`."""
    if not path.is_dir():
        return hash_file(path)[0]
    files = files_under(path)
    hashed = together(hash_file, files.values())
    return digest_of_digests({name: one[0] for name, one in zip(files, hashed, strict=True)})


def _version(entry: Entry) -> str:
    return entry.etag or f"{entry.size} {entry.modified}"


def _of_web(url: str) -> str:
    try:
        request = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise NotFound(f"there is nothing at {public_url(url)}: check the address") from None
        if error.code in (405, 501):  # it does not know HEAD
            return NO_VERSION + os.urandom(8).hex()
        raise StorageFailed(f"{public_url(url)} answers {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:
        reason = type(getattr(error, "reason", error)).__name__
        raise StorageFailed(
            f"{public_url(url)} can not be looked at: {reason}. Check the network"
        ) from None
    version = headers.get("ETag") or headers.get("Last-Modified")
    if version is None:
        return NO_VERSION + os.urandom(8).hex()
    return f"{version} {headers.get('Content-Length', '')}"
