"""Automatic logging of scikit-learn: `fit` wrapped, and unwrapped again without a trace."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain.document import readable
from stageline.errors import InvalidInput
from stageline.models.autolog.recording import Options, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Options", "Tracker", "switch", "switched"]


def switch(tracker: Tracker | None, options: Mapping[str, Any]) -> None:
    """Record fits with `tracker`; None: stop. Options that are not those of `Options` are given on to `log_model`.

    Raises:
        InvalidInput: scikit-learn is not installed, or an option has the wrong type.
    """
    with _needing_sklearn():
        from stageline.models.autolog import patching  # late: it takes scikit-learn

        if tracker is None:
            patching.disable()
            return
        patching.enable(tracker, _options(options))


@contextmanager
def switched(tracker: Tracker, options: Mapping[str, Any]) -> Iterator[None]:
    """Record fits with `tracker` inside the block, in this thread or asyncio task only. Raises as `switch`."""
    with ExitStack() as block:
        with _needing_sklearn():
            from stageline.models.autolog import patching

            block.enter_context(patching.scope(tracker, _options(options)))
        yield


@contextmanager
def _needing_sklearn() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidInput(
            "autolog needs scikit-learn, which is not installed: pip install stageline[sklearn]"
        ) from error


def _options(given: Mapping[str, Any]) -> Options:
    known = {field.name for field in msgspec.structs.fields(Options)} - {"model_options"}
    own = {name: value for name, value in given.items() if name in known}
    rest = {name: value for name, value in given.items() if name not in known}
    try:
        return msgspec.convert({**own, "model_options": rest}, readable(Options))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"an option of autolog is wrong: {error}") from error
