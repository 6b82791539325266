"""From a model's URI to a folder on this disk, its files checked on the way."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.models.mlmodel import MLMODEL, parse_mlmodel
from stageline.models.safe_yaml import MAX_BYTES
from stageline.models.uri import (
    LoggedModelId,
    LoggedSource,
    Place,
    RegisteredVersion,
    RunModel,
    VersionSource,
    parse_model_uri,
)
from stageline.storage.local import LocalStore
from stageline.storage.open import open_store
from stageline.storage.parallel import together
from stageline.storage.transfer import fetch_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.storage.options import StorageOptions
    from stageline.storage.port import ObjectStore


class RunFiles(Protocol):
    """A run's files, as far as models are concerned."""

    def log_folder(self, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Store what a folder holds, and note the digest of each file."""
        ...

    def download(self, path: str = "", dst: str | Path | None = None) -> Path:
        """Copy a folder to `dst`, each file checked against the manifest; where it is now."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file, checked."""
        ...


class ModelFinder:
    """Finds models by URI: in runs, through the registry, on this disk, or at any URL."""

    def __init__(
        self,
        run_files: Callable[[str], RunFiles],
        versions: Callable[[], VersionSource],
        storage_options: StorageOptions,
        logged: Callable[[], LoggedSource] | None = None,
    ) -> None:
        self._run_files = run_files
        self._logged = logged
        self._versions = versions
        self._options = storage_options

    def locate(self, uri: str) -> RunModel | Place:
        """Where the files of a model are. Raises `InvalidInput`, `NotFound`."""
        place = parse_model_uri(uri)
        if isinstance(place, LoggedModelId):
            return self._of_logged(place)
        if not isinstance(place, RegisteredVersion):
            return place
        found = self._versions().resolve(str(place))
        if not isinstance(found, str):
            return RunModel(*found)
        located = parse_model_uri(found)
        if isinstance(located, LoggedModelId):
            return self._of_logged(located)
        if isinstance(located, RegisteredVersion):
            raise Corrupt(f"{uri} has {found!r} as its source, which is itself a name")
        return located

    def _of_logged(self, place: LoggedModelId) -> RunModel | Place:
        if self._logged is None:
            raise NotFound(f"{place}: no logged models are kept here")
        found = self._logged().resolve(place.model_id)
        return Place(found) if isinstance(found, str) else RunModel(*found)

    def fetch(self, uri: str, dst: str | Path | None = None) -> Path:
        """The model's folder on this disk; a local one is where it is, unless `dst` says where a copy should go.

        Without `dst`, what is fetched lies in a private folder that is removed when the process exits.

        Raises:
            NotFound: there is no such model.
            Corrupt: a file is not what was stored.
        """
        place = self.locate(uri)
        if isinstance(place, RunModel):
            folder = self._run_files(place.run_id).download(place.path, dst or private_folder())
            if not folder.is_dir():
                raise NotFound(
                    f"{place} is a file, not a model: a model is a folder with an {MLMODEL} file"
                )
            return folder
        store = open_store(place.url, self._options)
        if isinstance(store, LocalStore) and dst is None:
            return store.path(MLMODEL).parent
        return _fetch_all(store, Path(dst) if dst else private_folder())

    def read_mlmodel(self, uri: str) -> bytes:
        """The MLmodel file alone. Raises `NotFound`."""
        place = self.locate(uri)
        if isinstance(place, RunModel):
            return self._run_files(place.run_id).read(f"{place.path}/{MLMODEL}")
        return open_store(place.url, self._options).read(MLMODEL)


def private_folder() -> Path:
    """A new folder for this user's eyes only, removed at exit: a loaded model may still read from it until then."""
    folder = Path(tempfile.mkdtemp(prefix="stageline-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _fetch_all(store: ObjectStore, folder: Path) -> Path:
    """Every file of a folder at a URL; those whose digest the MLmodel file records are checked as they arrive."""
    listed = {entry.key: entry.size for entry in store.list("") if not entry.key.endswith("/")}
    if MLMODEL not in listed:
        raise NotFound(
            f"{store.url} is no model: it has no {MLMODEL} file, but {', '.join([*listed][:10]) or 'nothing'}"
        )
    if listed[MLMODEL] > MAX_BYTES:
        raise Corrupt(
            f"the {MLMODEL} file in {store.url} has {listed[MLMODEL]} bytes; at most {MAX_BYTES} are read"
        )
    for path in listed:
        _check_name(path, store.url)
    digests = parse_mlmodel(store.read(MLMODEL), f"{store.url}/{MLMODEL}").digests

    def fetch(path: str) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        expected = (digests[path], listed[path]) if path in digests else None
        fetch_file(store, path, target, expected)

    together(fetch, listed)
    return folder


def _check_name(path: str, place: str) -> None:
    try:
        check_artifact_path(path)
    except InvalidInput as error:
        raise Corrupt(
            f"the model {place} has a file that leads out of its folder: {error}"
        ) from error
