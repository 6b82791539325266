"""The data of the example: what scikit-learn ships, or the numeric columns of a CSV; split for training and test."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from stageline import DatasetRef

FEWEST_ROWS = 10


class BadData(Exception):
    """The file can not be trained on; the message says why, in one line."""


@dataclass(frozen=True)
class Split:
    """What is trained and tested on, and where it comes from."""

    source: DatasetRef
    rows: int
    x_train: np.ndarray
    x_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load(path: Path | None, target: str | None) -> Split:
    """The split of `path`, or of the shipped data. Raises `BadData`."""
    if path is None:
        frame = load_diabetes(as_frame=True).frame
        return _split(
            frame, target or "target", name="diabetes", source="sklearn.datasets.load_diabetes"
        )
    return _split(_read(path), target, name=path.stem, source=str(path))


def _read(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadData(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} can not be read as text: {error}") from None
    head = text[:10_000].rpartition("\n")[0] or text
    try:
        separator = csv.Sniffer().sniff(head, delimiters=",;\t").delimiter
    except csv.Error:
        separator = ","
    try:
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise BadData(f"{path} is no CSV: {' '.join(str(error).split())}") from None


def _split(frame: pd.DataFrame, target: str | None, *, name: str, source: str) -> Split:
    if target is None:
        target = str(frame.columns[-1])
    if target not in frame.columns:
        raise BadData(
            f"{source} has no column {target!r}; it has {', '.join(map(str, frame.columns))}"
        )
    if not pd.api.types.is_numeric_dtype(frame[target]) or pd.api.types.is_bool_dtype(
        frame[target]
    ):
        numeric = ", ".join(map(str, frame.select_dtypes("number").columns)) or "none"
        raise BadData(
            f"{source}: the target {target!r} is not numeric; --target chooses another (numeric: {numeric})"
        )
    usable = frame.select_dtypes("number").replace([np.inf, -np.inf], np.nan).dropna()
    features = usable.drop(columns=[target])
    if features.shape[1] == 0:
        raise BadData(f"{source}: there is no numeric column besides the target {target!r}")
    if len(usable) < FEWEST_ROWS:
        raise BadData(
            f"{source}: {len(usable)} complete rows are too few; {FEWEST_ROWS} are needed"
        )
    # As bytes of float64, so that the digest is that of the numbers.
    digest = hashlib.sha256(usable.to_numpy(dtype=float).tobytes()).hexdigest()[:16]
    parts = train_test_split(
        features.to_numpy(dtype=float), usable[target].to_numpy(dtype=float), random_state=0
    )
    return Split(DatasetRef(name=name, digest=digest, source=source), len(usable), *parts)
