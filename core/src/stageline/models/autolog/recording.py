"""What is logged of one fit: params, metrics, data, model and candidates. It never fails, and never breaks the fit."""

from __future__ import annotations

import inspect
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stageline.domain.run import TAG_RUN_NAME, DatasetInput, DatasetRef
from stageline.models.autolog.metrics import training_metrics
from stageline.models.autolog.search import best_candidates, is_search
from stageline.models.data_kinds import is_array, is_frame
from stageline.models.signature import infer_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

EXAMPLE_ROWS = 5

_log = logging.getLogger("stageline")


class Tracker(Protocol):
    """Where fits are recorded: the module-level API, or whatever does the same."""

    def active_run(self) -> Any:
        """The run of this thread or task; None if there is none. `Any`: tracking's own handle."""
        ...

    def start_run(self, *, nested: bool = False, tags: Mapping[str, Any] | None = None) -> Any:
        """Begin a run."""
        ...

    def log_model(self, model: Any, name: str, **details: Any) -> Any:
        """Log a model to the active run."""
        ...

    def log_text(self, text: str, artifact_file: str) -> None:
        """Log a text to the active run."""
        ...

    def dataset_of(self, data: Any, target: Any) -> DatasetRef | None:
        """The data as a dataset; None for data of a kind that is none."""
        ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What of a fit is recorded besides params and metrics."""

    log_models: bool = True
    log_input_examples: bool = False
    log_model_signatures: bool = True
    log_datasets: bool = True
    log_post_training_metrics: bool = True
    max_tuning_runs: int | None = 5
    """Candidates of a search that become child runs; None for all."""
    pos_label: Any = None
    """The class whose precision and recall count, in a classification into two."""
    registered_model_name: str | None = None
    extra_tags: dict[str, str] = {}
    silent: bool = False
    """Whether to keep quiet about what could not be logged."""
    model_options: dict[str, Any] = {}
    """Given on to `log_model`, such as `trusted_types`."""


class Recording:
    """One fit on its way into a run: the active one, or one made for it."""

    def __init__(
        self,
        tracker: Tracker,
        options: Options,
        estimator: Any,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._tracker = tracker
        self._options = options
        self._estimator = estimator
        self._data, self._target, self._weight = _arguments(function, estimator, args, kwargs)
        self._example: Any = None
        self._run: Any = None
        self._owns_run = False

    def before(self) -> None:
        """Before the fit: what is asked for, and the data, which the fit may change."""
        with self._quietly("begin a run"):
            name = type(self._estimator).__name__
            about = {
                "estimator_name": name,
                "estimator_class": f"{type(self._estimator).__module__}.{name}",
            }
            self._run = self._tracker.active_run()
            if self._run is None:
                self._owns_run = True
                self._run = self._tracker.start_run(tags={**about, **self._options.extra_tags})
            else:
                self._run.set_tags({**about, **self._options.extra_tags})
        if self._run is None:
            return
        with self._quietly("log the params"):
            self._run.log_params(self._estimator.get_params(deep=not is_search(self._estimator)))
        with self._quietly("log the dataset"):
            dataset = self._options.log_datasets and self._tracker.dataset_of(
                self._data, self._target
            )
            if dataset:
                self._run.log_input(DatasetInput(dataset, {"mlflow.data.context": "train"}))
        with self._quietly("take an example of the data"):
            self._example = _first_rows(self._data)

    def failed(self, error: BaseException) -> None:
        """The fit raised."""
        if self._owns_run and self._run is not None:
            with self._quietly("end the run"):
                stopped = isinstance(error, (KeyboardInterrupt, SystemExit))
                self._run.end("KILLED" if stopped else "FAILED", repr(error))

    def after(self) -> None:
        """The fit is done: what came of it."""
        if self._run is None:
            return
        if self._options.log_post_training_metrics:
            with self._quietly("log the metrics"):
                found = training_metrics(
                    self._estimator, self._data, self._target, self._weight, self._options.pos_label
                )
                self._run.log_metrics(found)
        if is_search(self._estimator):
            self._log_search()
        if self._options.log_models:
            with self._quietly("log the model"):
                self._log_model(self._estimator, "model", self._options.registered_model_name)
        with self._quietly("draw the estimator"):
            from sklearn.utils import estimator_html_repr  # late: whoever has an estimator has it

            page = f'<!DOCTYPE html><html lang="en"><meta charset="UTF-8">{estimator_html_repr(self._estimator)}</html>'
            self._tracker.log_text(page, "estimator.html")
        if self._owns_run:
            with self._quietly("end the run"):
                self._run.end("FINISHED")

    def _log_search(self) -> None:
        search = self._estimator
        with self._quietly("log the best params"):
            if hasattr(search, "best_params_"):
                self._run.log_params(
                    {f"best_{name}": value for name, value in search.best_params_.items()}
                )
            if hasattr(search, "best_score_"):
                self._run.log_metrics({"best_cv_score": float(search.best_score_)})
        with self._quietly("log the candidates"):
            name = type(search.estimator).__name__
            for number, candidate in enumerate(
                best_candidates(search, self._options.max_tuning_runs), start=1
            ):
                tags = {
                    "estimator_name": name,
                    TAG_RUN_NAME: f"{name}-{number}",
                    **self._options.extra_tags,
                }
                child = self._tracker.start_run(nested=True, tags=tags)
                try:
                    child.log_params(candidate.params)
                    child.log_metrics(candidate.metrics)
                finally:
                    child.end("FINISHED")
        if self._options.log_models and hasattr(search, "best_estimator_"):
            with self._quietly("log the best estimator"):
                self._log_model(search.best_estimator_, "best_estimator", None)

    def _log_model(self, estimator: Any, name: str, registered_name: str | None) -> None:
        details: dict[str, Any] = {}
        if self._example is not None and self._options.log_model_signatures:
            predict = getattr(estimator, "predict", None) or getattr(estimator, "transform", None)
            details["signature"] = infer_signature(
                self._example, predict and predict(self._example)
            )
        if self._example is not None and self._options.log_input_examples:
            details["input_example"] = self._example
        if registered_name:
            details["registered_model_name"] = registered_name
        self._tracker.log_model(estimator, name, **details, **self._options.model_options)

    def _quietly(self, what: str) -> AbstractContextManager[None]:
        return _quietly(what, type(self._estimator).__name__, silent=self._options.silent)


def _arguments(
    function: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """Data, target and weights of a call, whatever the method calls the first two."""
    try:
        bound = inspect.signature(function).bind(estimator, *args, **kwargs).arguments
    except TypeError:  # a wrong call: the fit itself will say so
        return None, None, None
    given = [
        value
        for name, value in bound.items()
        if name not in ("self", "kwargs", "params", "fit_params")
    ]
    names = [name for name in bound if name not in ("self", "kwargs", "params", "fit_params")]
    target = given[1] if len(given) > 1 and names[1] != "sample_weight" else None
    extra = bound.get("kwargs") or bound.get("params") or bound.get("fit_params") or {}
    return (
        given[0] if given else None,
        target,
        bound.get("sample_weight", extra.get("sample_weight")),
    )


def _first_rows(data: Any) -> Any:
    if is_frame(data):
        return data.head(EXAMPLE_ROWS).copy()
    return data[:EXAMPLE_ROWS].copy() if is_array(data) else None


@contextmanager
def _quietly(what: str, name: str, *, silent: bool) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of any kind: a training that works must not fail for its log
        if not silent:
            _log.warning("autolog could not %s of a %s: %s", what, name, error)
