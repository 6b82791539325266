"""XGBoost: boosters and estimators, in its own binary JSON, which holds trees and no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xgboost

from stageline.errors import Corrupt, InvalidInput
from stageline.models.flavor import Predictor, Saved, check_options
from stageline.models.flavors.calling import called
from stageline.models.folder import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.models.trust import Trust

FORMATS = ("ubj", "json")
_BOOSTER = "xgboost.core.Booster"


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the model.

    Options:
        model_format: `ubj`, or `json` for one that people can read.
    """
    check_options(options, {"model_format"}, "xgboost")
    form = options.get("model_format") or FORMATS[0]
    if form not in FORMATS:
        raise InvalidInput(f"model_format should be one of {', '.join(FORMATS)}, not {form!r}")
    file = f"model.{form}"
    model.save_model(folder / file)
    cls = next(one for one in type(model).__mro__ if one.__module__.startswith("xgboost."))
    return Saved(
        name="xgboost",
        flavor={
            "data": file,
            "model_class": f"{cls.__module__}.{cls.__name__}",
            "model_format": form,
            "xgb_version": xgboost.__version__,
        },
        python_function={"loader_module": "mlflow.xgboost", "data": file},
        modules=("xgboost",),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """A booster, or the estimator that it was."""
    path = inside(folder, configuration.get("data"), "the xgboost model")
    model = _class(str(configuration.get("model_class", _BOOSTER)))()
    try:
        model.load_model(path)
    except (xgboost.core.XGBoostError, ValueError, TypeError, KeyError) as error:
        raise Corrupt(f"the model {path} can not be read by xgboost: {error}") from error
    return model


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """A booster is given a DMatrix."""
    if not isinstance(model, xgboost.Booster):
        return called(model.predict)
    predict = called(model.predict)
    return lambda data, params: predict(xgboost.DMatrix(data), params)


def _class(name: str) -> Any:
    """The class of that name, if it is one of XGBoost's models: the name is not trusted, so nothing else will do."""
    _, _, last = name.rpartition(".")
    for module in (xgboost, xgboost.sklearn):
        found = getattr(module, last, None)
        is_model = isinstance(found, type) and issubclass(
            found, (xgboost.Booster, xgboost.XGBModel)
        )
        if is_model and name.startswith("xgboost."):
            return found
    raise Corrupt(
        f"the model names {name!r} as its class, which is no model of xgboost {xgboost.__version__}"
    )
