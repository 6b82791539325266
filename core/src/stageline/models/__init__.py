"""Models as folders: the MLmodel format, flavors, signatures, environments, saving and safe loading.

Here are the names that the author of a flavor writes down, and what the field looks for here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.fluent.scoring import spark_udf
    from stageline.models.flavor import Flavor, Predictor, Saved, check_options
    from stageline.models.folder import inside
    from stageline.models.trust import Trust

__all__ = ["Flavor", "Predictor", "Saved", "Trust", "check_options", "inside", "spark_udf"]

_HOMES = {
    "Flavor": "stageline.models.flavor",
    "Predictor": "stageline.models.flavor",
    "Saved": "stageline.models.flavor",
    "Trust": "stageline.models.trust",
    "check_options": "stageline.models.flavor",
    "inside": "stageline.models.folder",
    "spark_udf": "stageline.fluent.scoring",  # it needs a store, so it lives above
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stageline.models' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
