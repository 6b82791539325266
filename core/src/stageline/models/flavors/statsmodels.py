"""statsmodels: fitted results, which it can only keep as pickles, so loading them takes consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import statsmodels
from statsmodels.tsa.base.tsa_model import TimeSeriesModel

from stageline.errors import InvalidInput
from stageline.models.flavor import Predictor, Saved, check_options
from stageline.models.flavors.pickles import load_pickle
from stageline.models.folder import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.models.trust import Trust

FILE = "model.statsmodels"


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the results.

    Options:
        serialization: Only `pickle`, which is also the default.
        remove_data: Whether to leave out the data that it was fitted to, which makes it much smaller.
    """
    check_options(options, {"serialization", "remove_data"}, "statsmodels")
    if (options.get("serialization") or "pickle") != "pickle":
        raise InvalidInput(
            f"statsmodels keeps results as pickles only, not as {options['serialization']!r}"
        )
    model.save(str(folder / FILE), remove_data=bool(options.get("remove_data")))
    return Saved(
        name="statsmodels",
        flavor={"data": FILE, "statsmodels_version": statsmodels.__version__},
        python_function={"loader_module": "mlflow.statsmodels", "data": FILE},
        modules=("statsmodels",),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """The results."""
    path = inside(folder, configuration.get("data", FILE), "the statsmodels results")
    return load_pickle(
        path, trust, "statsmodels has no other format; export what you need, such as `params`."
    )


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """A model of a time series is given one row, with `start` and `end`."""
    if not isinstance(model.model, TimeSeriesModel):
        return lambda data, params: model.predict(data)
    return lambda data, params: _forecast(model, data)


def _forecast(model: Any, data: Any) -> Any:
    if data.shape[0] != 1 or not {"start", "end"} <= {*data.columns}:
        raise InvalidInput(
            "prediction dataframes for a TimeSeriesModel must have exactly one row and include columns called start "
            f"and end, not {data.shape[0]} rows of {[*data.columns]}"
        )
    row = data.iloc[0]
    return model.predict(start=row["start"], end=row["end"])
