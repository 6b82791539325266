"""A model's folder on this disk: only plain files in it, each with the digest that was recorded when it was saved."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import Corrupt, InvalidInput, NotAllowed, NotFound
from stageline.models.mlmodel import MLMODEL, MLmodel, parse_mlmodel
from stageline.models.safe_yaml import MAX_BYTES
from stageline.storage.parallel import together
from stageline.storage.transfer import hash_file

_log = logging.getLogger("stageline")

_ADDED_LATER = {"registered_model_meta"}
"""Put beside a model by MLflow when it loads it from a registry."""


def model_files(folder: Path) -> dict[str, Path]:
    """Path in the folder -> file, of every file in it.

    Raises:
        NotFound: there is no such folder, or no MLmodel file in it.
        NotAllowed: there is a link, a device or a pipe in it: its content would be that of some other place.
    """
    if not folder.is_dir():
        raise NotFound(f"no model folder {folder}: expected a folder with an {MLMODEL} file")
    found = dict(sorted(_walk(folder, "")))
    if MLMODEL not in found:
        beside = ", ".join([*found][:10]) or "nothing"
        raise NotFound(f"{folder} is no model: it has no {MLMODEL} file, but {beside}")
    return found


def read_model_folder(folder: Path) -> MLmodel:
    """What the folder says of itself, with every file checked against the digest that it records.

    Raises:
        NotFound, NotAllowed: as `model_files`.
        Corrupt: a file is not what was saved, is missing, or was added.
    """
    files = model_files(folder)
    model = read_mlmodel(files[MLMODEL])
    check_digests(model, files, str(folder))
    return model


def read_mlmodel(path: Path) -> MLmodel:
    """An MLmodel file. Raises `Corrupt`."""
    with path.open("rb") as file:
        return parse_mlmodel(file.read(MAX_BYTES + 1), str(path))


def check_digests(model: MLmodel, files: Mapping[str, Path], place: str) -> None:
    """Compare the files with what the MLmodel file records. Raises `Corrupt`."""
    digests = model.digests
    if not digests:
        _log.info("the model %s records no digests, so its files are taken as they are", place)
        return
    missing = sorted(digests.keys() - files.keys())
    added = sorted(files.keys() - digests.keys() - {MLMODEL} - _ADDED_LATER)
    if missing or added:
        raise Corrupt(
            f"the model {place} is not what was saved: files missing: {missing}, added: {added}. Save it again"
        )
    found = dict(
        zip(digests, together(lambda path: hash_file(files[path])[0], digests), strict=True)
    )
    changed = sorted(path for path, sha256 in digests.items() if found[path] != sha256)
    if changed:
        raise Corrupt(
            f"the model {place} is not what was saved: {changed} changed since, by their SHA-256. Nothing of it was "
            "loaded; save it again, or fetch it again if the transfer was cut short"
        )


def inside(folder: Path, path: object, what: str) -> Path:
    """The place of `path`, which a model's own file names, in its folder.

    Raises:
        Corrupt: it leads out of the folder.
        NotFound: there is nothing.
    """
    try:
        text = check_artifact_path(str(path)) if isinstance(path, str) else ""
    except InvalidInput as error:
        raise Corrupt(f"{what} of the model {folder} leads out of its folder: {error}") from error
    if not text:
        raise Corrupt(
            f"{what} of the model {folder} should be a path in its folder, but is {path!r}"
        )
    place = folder / text
    if not place.exists():
        raise NotFound(
            f"the model {folder} has no {text!r}, which its {MLMODEL} file names as {what}"
        )
    return place


def _walk(folder: Path, prefix: str) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    with os.scandir(folder) as items:
        for item in items:
            if item.is_dir(follow_symlinks=False):
                if (
                    item.name != "__pycache__"
                ):  # made by Python itself, when code beside the model is imported
                    found += _walk(Path(item.path), f"{prefix}{item.name}/")
            elif item.is_file(follow_symlinks=False):
                found.append((prefix + item.name, Path(item.path)))
            else:
                kind = "a symbolic link" if item.is_symlink() else "a device, a pipe or a socket"
                raise NotAllowed(
                    f"{item.path} is {kind}: a model is loaded from plain files in its folder only. Put a copy there"
                )
    return found
