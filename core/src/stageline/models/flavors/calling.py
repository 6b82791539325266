"""Calling a framework's own method with those params of inference that it takes, as MLflow does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.models.flavor import Predictor


def called(method: Callable[..., Any]) -> Predictor:
    """`method(data, **params)`, where params that it does not have are left out."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):  # compiled, and says nothing of itself
        return lambda data, params: method(data)
    takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters)
    names = {one.name for one in parameters}

    def predict(data: Any, params: dict[str, Any]) -> Any:
        fitting = {name: value for name, value in params.items() if takes_all or name in names}
        return method(data, **fitting)

    return predict
