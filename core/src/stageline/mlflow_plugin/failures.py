"""Our errors as MLflow's, so that its clients, and its server, tell them as their own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    DATA_LOSS,
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    NOT_IMPLEMENTED,
    PERMISSION_DENIED,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_CONFLICT,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from stageline import errors

if TYPE_CHECKING:
    from collections.abc import Callable

_CODES: dict[type[errors.StagelineError], int] = {
    errors.StagelineError: INTERNAL_ERROR,
    errors.InvalidInput: INVALID_PARAMETER_VALUE,
    errors.NotFound: RESOURCE_DOES_NOT_EXIST,
    errors.AlreadyExists: RESOURCE_ALREADY_EXISTS,
    errors.Conflict: RESOURCE_CONFLICT,
    errors.NotAllowed: PERMISSION_DENIED,
    errors.StorageFailed: TEMPORARILY_UNAVAILABLE,
    errors.Corrupt: DATA_LOSS,
}

Kind = TypeVar("Kind", bound=type)


def told(error: errors.StagelineError) -> MlflowException:
    """The same as an MLflow error, with the nearest of its codes."""
    code = next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)
    return MlflowException(str(error), error_code=code)


def wrong(message: str) -> MlflowException:
    """An argument that breaks a rule."""
    return MlflowException(message, error_code=INVALID_PARAMETER_VALUE)


def unsupported(what: str) -> MlflowException:
    """What Stageline does not keep."""
    return MlflowException(
        f"{what} is not supported by a Stageline store: it keeps experiments, runs, models and a registry. "
        "Point this part of MLflow at a server of its own",
        error_code=NOT_IMPLEMENTED,
    )


def tells_as_mlflow(cls: Kind) -> Kind:
    """Class decorator: every public method that the class itself defines raises MLflow's errors instead of ours."""
    for name, member in list(vars(cls).items()):
        if callable(member) and (not name.startswith("_") or name in ("__init__", "_search_runs")):
            setattr(cls, name, _telling(member))
    return cls


def _telling(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except errors.StagelineError as error:
            raise told(error) from error

    return call
