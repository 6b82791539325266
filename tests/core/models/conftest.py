"""Models to save, and a store to keep them in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import stageline


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 0.0, 1.0]})


@pytest.fixture
def linear(frame: pd.DataFrame) -> LinearRegression:
    return LinearRegression().fit(frame, [1.0, 2.5, 3.0, 4.5])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    stageline.set_store(tmp_path / "store", cache=str(tmp_path / "cache"))
    yield tmp_path / "store"
    while stageline.active_run():
        stageline.end_run()
