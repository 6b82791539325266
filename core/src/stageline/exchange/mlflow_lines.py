"""The files of MLflow's file store, one by one: what is said in YAML, texts by key, and histories line by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from stageline.domain.logged_model import ModelMetric
from stageline.errors import Corrupt
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_series(file: Path, text: str) -> Series:
    """Lines of timestamp, value and step; the oldest versions wrote no step.

    The same point twice is one, as in MLflow's database: a client says so which model its points belong to, and the
    dataset that a line may go on with is told with the model.
    """
    series = Series()
    seen: set[tuple[str, ...]] = set()
    for line in text.splitlines():
        fields = tuple(line.split()[:3])
        try:
            if fields not in seen:
                seen.add(fields)
                step = int(fields[2]) if len(fields) > 2 else 0
                series.append(step, int(fields[0]), float(fields[1]))
        except (ValueError, IndexError, OverflowError) as error:
            raise Corrupt(
                f"{file} is no history of a metric: {line[:100]!r} should be a timestamp, a value and a step"
            ) from error
    return series


def read_model_metrics(key: str, file: Path, text: str) -> Iterator[ModelMetric]:
    """Lines of timestamp, value, step and run, then perhaps the dataset's name and digest."""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            raise Corrupt(f"{file} is no history of a model's metric: {line[:100]!r}")
        name, digest = (" ".join(fields[4:-1]), fields[-1]) if len(fields) > 5 else (None, None)
        yield ModelMetric(
            key, float(fields[1]), int(fields[2]), int(fields[0]), fields[3], name, digest
        )


def folders_in(parent: Path) -> list[Path]:
    """The folders that have a `meta.yaml`."""
    if not parent.is_dir():
        return []
    return sorted(each for each in parent.iterdir() if (each / "meta.yaml").is_file())


def read_meta(folder: Path) -> dict[str, Any]:
    """What a `meta.yaml` says. Raises `Corrupt`."""
    file = folder / "meta.yaml"
    try:
        read = yaml.load(
            file.read_bytes(), Loader=_LOADER
        )  # a safe loader: it makes plain values alone
    except (yaml.YAMLError, OSError) as error:
        raise Corrupt(f"{file} can not be read: {error}") from error
    if not isinstance(read, dict):
        raise Corrupt(f"{file} should hold names and values, but holds {str(read)[:60]!r}")
    return read


def read_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Key -> file and text: a key with slashes is a file in folders."""
    if not folder.is_dir():
        return {}
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    return {
        each.relative_to(folder).as_posix(): (each, each.read_bytes().decode(errors="replace"))
        for each in files
    }


def read_texts(folder: Path) -> dict[str, str]:
    """Key -> text of each file."""
    return {key: text for key, (_, text) in read_files(folder).items()}
