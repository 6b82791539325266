"""Flavors: what teaches Stageline a framework, found by entry point so that anyone can add theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.models.trust import Trust

GROUP = "stageline.flavors"
FALLBACK = "pyfunc"


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What a flavor wrote into a model's folder, as the MLmodel file will tell it."""

    name: str
    """How the MLmodel file calls the flavor."""
    flavor: dict[str, Any] | None = None
    """Its own entry; None if the model is only a Python function."""
    python_function: dict[str, Any] | None = None
    """The entry by which MLflow loads it as a function, `loader_module` first; None if it can not predict."""
    modules: tuple[str, ...] = ()
    """Modules whose distributions it takes to load the model."""


class Predictor(Protocol):
    """A loaded model that predicts."""

    def __call__(self, data: Any, params: dict[str, Any]) -> Any:
        """Predictions for `data`, which the signature has been enforced on."""
        ...


@runtime_checkable
class Flavor(Protocol):
    """A framework's adapter: a module with these functions, or an object. `Any`: models are of foreign types."""

    def save(self, model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
        """Write the model into `folder`, which exists.

        Args:
            model: The framework's own object.
            folder: Where; the MLmodel file and those of the environment come later and are not the flavor's.
            options: What the caller gave besides: `serialization`, `input_example`, `signature` and the flavor's own.

        Raises:
            InvalidInput: an option is unknown, or the model can not be written that way; says which way can.
        """
        ...

    def load(self, folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
        """The framework's own object. `configuration` is the flavor's entry in the MLmodel file, and not trusted.

        Raises:
            NotAllowed: it takes more trust than is given.
            Corrupt: the files are not what they should be.
        """
        ...

    def predictor(self, model: Any, configuration: Mapping[str, Any]) -> Predictor:
        """How to predict with what `load` returned. `configuration` is the python_function entry."""
        ...


@lru_cache(maxsize=1)
def known_flavors() -> dict[str, EntryPoint]:
    """The flavors that are installed, by name; nothing of theirs is imported yet."""
    return {point.name: point for point in entry_points(group=GROUP)}


def get_flavor(name: str) -> Flavor:
    """The flavor of that name; imports its framework.

    Raises:
        InvalidInput: there is none, or its framework is not installed.
    """
    point = known_flavors().get(name)
    if point is None:
        raise InvalidInput(
            f"no flavor {name!r}; there are {', '.join(sorted(known_flavors()))}. Another package may add it as an "
            f"entry point of the group {GROUP}"
        )
    with needing(name):
        loaded = point.load()
    if not isinstance(loaded, Flavor):
        raise InvalidInput(
            f"{point.value} is no flavor: expected functions save, load and predictor"
        )
    return loaded


@contextmanager
def needing(name: str) -> Iterator[None]:
    """Imports of what the flavor `name` stands on. Raises `InvalidInput` for what is not installed."""
    try:
        yield
    except ImportError as error:
        point = known_flavors().get(name)
        is_ours = point is None or point.value.startswith("stageline.")
        step = f"pip install stageline[{name}]" if is_ours else "install what its package asks for"
        raise InvalidInput(
            f"the flavor {name!r} needs {error.name or 'a package'}, which is not installed: {step}"
        ) from error


def flavor_of(model: Any) -> str:
    """The name of the flavor that a model is of: that of the first package among its classes' that is a flavor.

    Raises:
        InvalidInput: it is of none, and has no `predict` and can not be called.
    """
    for cls in type(model).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in known_flavors() and package != FALLBACK:
            return package
    if hasattr(model, "predict") or callable(model):
        return FALLBACK
    raise InvalidInput(
        f"a {type(model).__name__} is of no flavor that is known ({', '.join(sorted(known_flavors()))}), and it has no "
        "`predict`: name one by flavor=..., or wrap it in a class with `predict`"
    )


def check_options(options: Mapping[str, Any], known: set[str], flavor: str) -> None:
    """Refuse options that a flavor does not have. Raises `InvalidInput`."""
    unknown = options.keys() - known - {"signature", "input_example"}
    if unknown:
        raise InvalidInput(
            f"the flavor {flavor!r} has no option {sorted(unknown)}; it has {sorted(known) or 'none'}"
        )
