"""Which methods are wrapped, and when a call of one is the outermost: what is then recorded is elsewhere."""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

from stageline.models.autolog.recording import Options, Recording, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

METHODS = ("fit", "fit_transform", "fit_predict")
NOT_MODELS = (
    "sklearn.preprocessing", "sklearn.impute", "sklearn.feature_extraction", "sklearn.feature_selection",
    "sklearn.compose._column_transformer",
)  # fmt: skip
"""Preparing data is worth a run only as a part of a pipeline."""

_INSIDE: ContextVar[bool] = ContextVar("stageline_inside_fit", default=False)
_SCOPE: ContextVar[tuple[Tracker, Options] | None] = ContextVar("stageline_autolog", default=None)


class _Patches:
    """What is wrapped at the moment, in this process."""

    lock = threading.RLock()
    originals: ClassVar[dict[tuple[type, str], FunctionType]] = {}
    watches_new_classes = False
    tracker: Tracker | None = None
    options = Options()
    fits_under_way = 0
    scopes = 0


def enable(tracker: Tracker, options: Options) -> None:
    """Record every outermost `fit` of an estimator from now on; a second call only changes the options.

    Wrapped are the estimators that are imported and, as they come, those that will be; nothing is imported for it.
    """
    with _Patches.lock:
        _Patches.tracker, _Patches.options = tracker, options
        _wrap_all()


@contextmanager
def scope(tracker: Tracker, options: Options) -> Iterator[None]:
    """Record the fits of this thread or asyncio task inside the block with `tracker`, whatever the process records."""
    with _Patches.lock:
        _wrap_all()
        _Patches.scopes += 1
    token = _SCOPE.set((tracker, options))
    try:
        yield
    finally:
        _SCOPE.reset(token)
        with _Patches.lock:
            _Patches.scopes -= 1
            if _Patches.tracker is None:
                disable()


def _wrap_all() -> None:
    from sklearn.base import BaseEstimator  # late: whoever asks for this has it

    for cls in _all_subclasses(BaseEstimator):
        _wrap(cls)
    if not _Patches.watches_new_classes:
        _watch_new_classes(BaseEstimator)


def disable() -> None:
    """Put every method back as it was; once no block is left that records."""
    from sklearn.base import BaseEstimator  # late: as above

    with _Patches.lock:
        _Patches.tracker = None
        if _Patches.scopes:
            return
        for (cls, name), original in _Patches.originals.items():
            if (
                getattr(cls.__dict__.get(name), "__wrapped__", None) is original
            ):  # not wrapped again by someone else
                setattr(cls, name, original)
        _Patches.originals.clear()
        if _Patches.watches_new_classes:
            del BaseEstimator.__init_subclass__
            _Patches.watches_new_classes = False


def _watch_new_classes(base: Any) -> None:
    def init_subclass(cls: Any, /, **options: Any) -> None:
        super(base, cls).__init_subclass__(**options)
        with _Patches.lock:
            _wrap(cls)

    base.__init_subclass__ = classmethod(init_subclass)
    _Patches.watches_new_classes = True


def _all_subclasses(base: type) -> Iterator[type]:
    seen: set[type] = set()
    waiting = [base]
    while waiting:
        below: list[type] = waiting.pop().__subclasses__()
        for cls in below:
            if cls not in seen:
                seen.add(cls)
                waiting.append(cls)
                yield cls


def _wrap(cls: type) -> None:
    """Wrap the methods that the class itself has; those that it inherits are wrapped where they are."""
    for name in METHODS:
        method = cls.__dict__.get(name)
        if isinstance(method, FunctionType) and (cls, name) not in _Patches.originals:
            _Patches.originals[cls, name] = method
            setattr(cls, name, _recorded(method, name))


def _recorded(original: FunctionType, name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        tracker, options = _SCOPE.get() or (_Patches.tracker, _Patches.options)
        if tracker is None or not _is_outermost(self, tracker):
            return original(self, *args, **kwargs)
        token = _INSIDE.set(True)
        _count(1)
        try:
            recording = Recording(tracker, options, self, original, args, kwargs)
            recording.before()
            try:
                result = original(self, *args, **kwargs)
            except BaseException as error:
                recording.failed(error)
                raise
            recording.after()
            return result
        finally:
            _count(-1)
            _INSIDE.reset(token)

    return method


def _is_outermost(estimator: Any, tracker: Tracker) -> bool:
    """Whether the call is the user's own, and of a model.

    A thread that a search or an ensemble started knows nothing of the fit that it is part of. So while one is under
    way, a thread that has no run of its own is taken for such a one.
    """
    if _INSIDE.get() or type(estimator).__module__.startswith(NOT_MODELS):
        return False
    return not _Patches.fits_under_way or tracker.active_run() is not None


def _count(change: int) -> None:
    with _Patches.lock:
        _Patches.fits_under_way += change
