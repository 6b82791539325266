"""What lies at a URL, brought into a folder on this disk: for parameters of type `path`."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.storage.open import open_store
from stageline.storage.parallel import together
from stageline.storage.redaction import public_url
from stageline.storage.transfer import fetch_file

if TYPE_CHECKING:
    from stageline.tracking.artifacts import RunArtifacts

TIMEOUT_S = 60.0
"""Without a byte from a web server."""


class Downloads:
    """Brings files from runs, from models and from any URL that fsspec knows."""

    def __init__(
        self,
        artifacts: Callable[[str], RunArtifacts],
        fetch_model: Callable[[str, Path], Path],
        options: Callable[[str], Mapping[str, Any]],
    ) -> None:
        self._artifacts = artifacts
        self._fetch_model = fetch_model
        self._options = options
        """fsspec's options, by the protocol of a URL."""

    def fetch(self, url: str, folder: Path) -> Path:
        """The file or folder at `url`, now in `folder`, which is new; where it lies.

        Raises:
            InvalidInput: nothing here can read the URL.
            NotFound: nothing is there.
            StorageFailed: the place does not answer.
        """
        folder.mkdir(mode=0o700, parents=True)
        parts = urlsplit(url)
        if parts.scheme == "runs":
            run_id, _, path = parts.path.strip("/").partition("/")
            if not path:
                raise InvalidInput(f"{url!r} names no file: expected runs:/<run_id>/<path>")
            return self._artifacts(run_id).download(path, folder)
        if parts.scheme == "models":
            return self._fetch_model(url, folder)
        return self._from_anywhere(url, parts.scheme, folder)

    def _from_anywhere(self, url: str, protocol: str, folder: Path) -> Path:
        parent, _, name = url.rstrip("/").rpartition("/")
        if not name or parent.endswith(":/"):
            raise InvalidInput(
                f"{public_url(url)!r} names no file or folder: expected {protocol}://place/path"
            )
        target = folder / name.partition("?")[0]
        if protocol in ("http", "https"):
            _fetch_web(url, target)
            return target
        store = open_store(parent, self._options(protocol))
        try:
            if not url.endswith("/"):
                fetch_file(store, name, target, None)
                return target
        except NotFound:
            pass
        keys = [entry.key for entry in store.list(f"{name}/") if not entry.key.endswith("/")]
        if not keys:
            raise NotFound(f"there is neither a file nor a folder at {public_url(url)}")

        def fetch(key: str) -> None:
            path = folder / check_artifact_path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            fetch_file(store, key, path, None)

        together(fetch, keys)
        return target


def _fetch_web(url: str, target: Path) -> None:
    # The standard library's client, because fsspec's needs a package that a store does without.
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except urllib.error.HTTPError as error:
        error.close()
        kind = NotFound if error.code in (404, 410) else StorageFailed
        raise kind(
            f"{public_url(url)} answers {error.code} {error.reason}: check the address"
        ) from None
    except (OSError, HTTPException) as error:  # its text may hold the whole address
        reason = type(getattr(error, "reason", error)).__name__
        raise StorageFailed(
            f"{public_url(url)} can not be fetched: {reason}. Check the network"
        ) from None
