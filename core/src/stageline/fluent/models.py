"""Log and load models; autologging."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.fluent.files import log_text
from stageline.fluent.runs import active_run, current, start_run
from stageline.fluent.session import get_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stageline.domain.run import (
        DatasetRef,
    )
    from stageline.models.loading import LoadedModel
    from stageline.models.logged import ModelInfo
    from stageline.tracking.active import ActiveRun


def log_model(
    model: Any,
    name: str = "model",
    *,
    artifact_path: str | None = None,
    run_id: str | None = None,
    **details: Any,
) -> ModelInfo:
    """Save a model among the active run's artifacts, and register it if `registered_model_name` is given.

    Args:
        model: The framework's own object, an object with `predict`, or a function.
        name: The folder among the run's artifacts.
        artifact_path: An older spelling of `name`.
        run_id: Another run than the active one.
        details: `flavor`, `signature`, `input_example`, `registered_model_name` and more; see `Models.log`.
    """
    chosen = run_id or current().run_id
    return get_workspace().models.log(chosen, model, artifact_path or name, **details)


def load_model(
    model_uri: str | Path,
    *,
    flavor: str | None = None,
    allow_pickle: bool | None = None,
    trusted_types: Sequence[str] = (),
    dst_path: str | Path | None = None,
    log_input: bool = True,
) -> LoadedModel:
    """Load a model by path, URL, `runs:/...` or `models:/...`; `native` of it is the framework's own object.

    A run that is active has the model among its inputs from then on, unless `log_input` is False: a stage or an alias
    is recorded as the version that it names now. See `Models.load` for the other arguments and for what is refused.
    """
    from stageline.tasks.model_use import fixed_uri, note_loaded

    run = active_run() if log_input else None
    workspace = get_workspace()
    uri = str(model_uri) if run is None else fixed_uri(lambda: workspace.registry, str(model_uri))
    model = workspace.models.load(
        uri,
        flavor=flavor,
        allow_pickle=allow_pickle,
        trusted_types=trusted_types,
        dst_path=dst_path,
    )
    if run is not None:
        note_loaded(run, uri, model.metadata.model_uuid)
    return model


def autolog(*, disable: bool = False, **options: Any) -> None:
    """Log every `fit` of a scikit-learn estimator from now on: to the active run, or to one of its own.

    Args:
        disable: Put everything back as it was instead.
        options: `log_models`, `log_input_examples`, `log_model_signatures`, `log_datasets`,
            `log_post_training_metrics`, `max_tuning_runs`, `pos_label`, `registered_model_name`, `extra_tags`,
            `silent`; see `Options` in `stageline.models.autolog`. Others go to `log_model`, such as `trusted_types`.

    Raises:
        InvalidInput: scikit-learn is not installed.
    """
    from stageline.models.autolog import switch

    switch(None if disable else _Autologged(), options)


@contextmanager
def autologged(options: Mapping[str, Any]) -> Iterator[None]:
    """Log the fits of this thread or asyncio task inside the block; options as of `autolog`."""
    from stageline.models.autolog import switched

    with switched(_Autologged(), options):
        yield


class _Autologged:
    """What autologging uses of this module."""

    active_run = staticmethod(active_run)
    log_model = staticmethod(log_model)
    log_text = staticmethod(log_text)

    @staticmethod
    def start_run(*, nested: bool = False, tags: Mapping[str, Any] | None = None) -> ActiveRun:
        return start_run(nested=nested, tags=tags)

    @staticmethod
    def dataset_of(data: Any, target: Any) -> DatasetRef | None:
        from stageline.tracking import datasets

        if type(data).__name__ == "DataFrame":
            return datasets.from_pandas(data, name="training")
        if type(data).__name__ == "ndarray":
            targets = target if type(target).__name__ == "ndarray" else None
            return datasets.from_numpy(data, name="training", targets=targets)
        return None
