"""A flavor of one's own: polynomials of NumPy, kept as JSON, so that loading one runs no code of its author's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from stageline.errors import Corrupt, InvalidInput
from stageline.models import Predictor, Saved, Trust, check_options, inside

FILE = "polynomial.json"


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the model's files; the MLmodel file and those of the environment are not the flavor's."""
    check_options(options, set(), "numpy")
    if not isinstance(model, Polynomial):
        raise InvalidInput(f"this flavor keeps a Polynomial, not a {type(model).__name__}")
    numbers = {"coef": [*model.coef], "domain": [*model.domain], "window": [*model.window]}
    (folder / FILE).write_text(json.dumps(numbers))
    return Saved(
        name="numpy",
        flavor={"data": FILE, "numpy_version": np.__version__},
        python_function={"loader_module": "stageline_polynomials", "data": FILE},
        modules=("numpy", "stageline_polynomials"),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Polynomial:
    """Read them, once their digests were checked. One that would unpickle asks `trust.require_code` first."""
    path = inside(folder, configuration.get("data"), "the polynomial")
    try:
        return Polynomial(**json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{path} is no polynomial: {error}") from error


def predictor(model: Polynomial, configuration: Mapping[str, Any]) -> Predictor:
    """How to predict: for a table of one column, or an array."""
    return lambda data, params: model(np.asarray(data, dtype=float).reshape(-1))
