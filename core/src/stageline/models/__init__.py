"""Models as folders: the MLmodel format, flavors, signatures, environments, saving and safe loading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.fluent.scoring import spark_udf

__all__ = ["spark_udf"]


def __getattr__(name: str) -> Any:
    # Where the field looks for it; it needs a store, so it lives above.
    if name not in __all__:
        raise AttributeError(f"module 'stageline.models' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("stageline.fluent.scoring"), name)
