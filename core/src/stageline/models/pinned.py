"""A model held fast: where its files lie, and the digest by which whoever fetches them elsewhere knows them again."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from stageline.errors import Conflict
from stageline.models.fetching import ModelFinder
from stageline.models.loading import LoadedModel, load_folder
from stageline.models.mlmodel import MLMODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.models.trust import Trust


class PinnedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model that does not move while many processes use it. Plain text: it holds no credentials."""

    uri: str
    """As it was asked for, such as `models:/wine@champion`."""
    url: str
    """The folder of its files."""
    sha256: str
    """Of its MLmodel file, which has the digests of the others."""

    def fetch(self, options: Mapping[str, Any], dst: Path | None = None) -> Path:
        """The model's folder on this disk; see `ModelFinder.fetch`. Needs no registry.

        Raises:
            NotFound: this machine finds no model at the URL.
            Conflict: the one there is another.
        """
        folder = ModelFinder(_no_name, _no_name, options).fetch(self.url, dst)
        if digest_of_mlmodel((folder / MLMODEL).read_bytes()) != self.sha256:
            raise Conflict(
                f"the model at {self.url} is not the one that {self.uri} was when the work was divided: divide it anew"
            )
        return folder


def digest_of_mlmodel(data: bytes) -> str:
    """What `PinnedModel.sha256` is of an MLmodel file."""
    return hashlib.sha256(data).hexdigest()


def load_pinned(
    model: PinnedModel, trust: Trust, options: Mapping[str, Any], *, folder: Path | None = None
) -> LoadedModel:
    """The model, loaded; the one that this process used last is kept, as the next task most likely asks for it.

    Args:
        model: Which.
        trust: What it may do while it is loaded.
        options: fsspec's, for where its files lie.
        folder: Where to keep them for other processes of this machine too; by default they go with this one.
    """
    with _lock:
        return _loaded(model, trust, folder, _Options(options))


def _shared(model: PinnedModel, options: Mapping[str, Any], folder: Path) -> Path:
    """Fetched by whoever comes first. Of several that come at once one puts its copy in place."""
    if not folder.exists():
        mine = folder.with_name(f".{folder.name}-{os.urandom(4).hex()}")
        try:
            os.rename(model.fetch(options, mine), folder)
        except OSError:
            shutil.rmtree(mine, ignore_errors=True)
            if not folder.exists():
                raise
    return folder


class _Options:
    """Never part of a cache's key: they may hold secrets, and say nothing of what the model is."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Options)

    def __hash__(self) -> int:
        return 0


_lock = Lock()


@lru_cache(maxsize=1)
def _loaded(
    model: PinnedModel, trust: Trust, folder: Path | None, options: _Options
) -> LoadedModel:
    place = _shared(model, options.values, folder) if folder else model.fetch(options.values)
    return load_folder(place, trust=trust)


def _no_name(*_: Any) -> NoReturn:
    raise AssertionError("a pinned model has its URL")
