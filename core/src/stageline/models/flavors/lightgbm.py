"""LightGBM: boosters as its own text, estimators by skops around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm

from stageline.errors import Corrupt
from stageline.models.flavor import Predictor, Saved, check_options
from stageline.models.flavors.calling import called
from stageline.models.flavors.sklearn import (
    PICKLE_FILE,
    SKOPS,
    SKOPS_FILE,
    read_sklearn,
    write_sklearn,
)
from stageline.models.folder import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.models.trust import Trust

BOOSTER_FILE = "model.lgb"
_BOOSTER = "lightgbm.basic.Booster"
# A booster is made from its own text; the others hold one.
HARMLESS = (
    "collections.OrderedDict",
    _BOOSTER,
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMModel",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
)


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the model.

    Options:
        serialization: Of an estimator: `skops`, or on request `cloudpickle` or `pickle`.
        trusted_types: Names of types besides the known ones that the estimator may be made of.
    """
    check_options(options, {"serialization", "trusted_types"}, "lightgbm")
    serialization = options.get("serialization") or SKOPS
    types: list[str] = []
    if isinstance(model, lightgbm.Booster):
        file = BOOSTER_FILE
        model.save_model(str(folder / file))
    else:
        file = SKOPS_FILE if serialization == SKOPS else PICKLE_FILE
        types = write_sklearn(
            model, folder, serialization, options.get("trusted_types") or (), HARMLESS
        )
    cls = next(one for one in type(model).__mro__ if one.__module__.startswith("lightgbm."))
    return Saved(
        name="lightgbm",
        flavor={
            "data": file,
            "lgb_version": lightgbm.__version__,
            "model_class": f"{cls.__module__}.{cls.__name__}",
            "serialization_format": serialization,
            **({"skops_trusted_types": types} if types else {}),
        },
        python_function={"loader_module": "mlflow.lightgbm", "data": file},
        modules=("lightgbm",) if file == BOOSTER_FILE else ("lightgbm", "sklearn", serialization),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """A booster, or the estimator that it was."""
    path = inside(folder, configuration.get("data"), "the lightgbm model")
    if configuration.get("model_class", _BOOSTER) != _BOOSTER:
        form = {"serialization_format": "cloudpickle", **configuration}
        return read_sklearn(path, form, trust, HARMLESS)
    _check_whole(path)
    try:
        return lightgbm.Booster(model_file=str(path))
    except (lightgbm.basic.LightGBMError, ValueError, TypeError) as error:
        raise Corrupt(f"the model {path} can not be read by lightgbm: {error}") from error


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """Boosters and estimators predict alike."""
    predict = called(model.predict)
    return lambda data, params: predict(data, {})


def _check_whole(path: Path) -> None:
    """Refuse a file that was cut short: the library's own parser reads past its end, and the process dies."""
    data = path.read_bytes()
    declared = next(
        (line for line in data.splitlines() if line.startswith(b"tree_sizes=")), b"tree_sizes="
    )
    trees = len(declared.partition(b"=")[2].split())
    found = data.count(b"\nTree=")
    if not data.startswith(b"tree\n") or b"\nend of trees\n" not in data or trees != found:
        raise Corrupt(
            f"the model {path} is no text of lightgbm, or it was cut short: it declares {trees} trees and has {found}"
        )
