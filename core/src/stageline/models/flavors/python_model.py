"""What a pickled Python model is made of. It is pickled by value, so it imports nothing but the standard library."""

from __future__ import annotations

import inspect
from typing import Any


class ModelContext:
    """What a model finds when it is loaded: its artifacts' places on this disk, and its settings."""

    def __init__(self, artifacts: dict[str, str], model_config: dict[str, Any]) -> None:
        self.artifacts = artifacts
        self.model_config = model_config


class PythonModel:
    """To derive from, for a model that loads files or takes params; `predict` alone is enough."""

    def load_context(self, context: Any) -> None:
        """Read what `context.artifacts` names; called once, before the first prediction."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions for `model_input`."""
        raise NotImplementedError(f"{type(self).__name__} has no predict")

    @property
    def predict_type_hints(self) -> Any:
        """Asked for by MLflow; without hints the input comes as it is."""
        return _NO_HINTS


class _Hints:
    input: Any = None
    output: Any = None


_NO_HINTS = _Hints()


class Wrapped(PythonModel):
    """A function, or an object with `predict`, as a Python model."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def load_context(self, context: Any) -> None:
        if hasattr(self.model, "load_context"):
            self.model.load_context(context)

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        function = getattr(self.model, "predict", self.model)
        parameters = inspect.signature(function).parameters
        given = [context, model_input] if "context" in parameters else [model_input]
        if "params" in parameters:
            return function(*given, params=params or {})
        return function(*given)


def wrapped(model: Any) -> Any:
    """The model in the form that both sides load. A class is instantiated."""
    if isinstance(model, type):
        model = model()
    is_theirs = any(
        cls.__module__.startswith("mlflow.pyfunc") and cls.__name__ == "PythonModel"
        for cls in type(model).__mro__
    )
    return model if is_theirs or isinstance(model, PythonModel) else Wrapped(model)
