"""The module-level API, with the names of the field: one-liners over the active run and the workspace."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stageline.domain.run import (
    TAG_NOTE,
    TAG_RUN_NAME,
    DatasetInput,
    DatasetRef,
    Point,
    Run,
    RunStatus,
    ViewType,
)
from stageline.errors import InvalidInput
from stageline.tracking import endings
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from stageline.domain.experiment import Experiment
    from stageline.models.loading import LoadedModel
    from stageline.models.logged import ModelInfo
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.artifacts import RunArtifacts

_STACK: ContextVar[tuple[ActiveRun, ...]] = ContextVar("stageline_active_runs", default=())
"""The open runs of this thread or asyncio task, outermost first."""


class _Session:
    """What the process has chosen: a store, and the experiment of new runs."""

    workspace: Workspace | None = None
    experiment_id: str | None = None
    experiment_name: str | None = None


# -- store and experiment -----------------------------------------------------------------------------


def set_store(url: str | Path, **settings: Any) -> None:
    """Choose the store of this process: a folder, or any URL that fsspec knows. `STAGELINE_STORE` does the same."""
    _Session.workspace = Workspace.open(url, **settings)
    _Session.experiment_id = _Session.experiment_name = None


def get_store() -> str:
    """URL of the store of this process, without credentials."""
    return get_workspace().store.url


def get_workspace() -> Workspace:
    """The workspace that these functions work on."""
    if _Session.workspace is None:
        _Session.workspace = Workspace.open()
    return _Session.workspace


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> Experiment:
    """Choose the experiment of new runs, and make it if it is not there.

    Raises:
        InvalidInput: neither or both are given, or the experiment is deleted.
        NotFound: there is no experiment with that id.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("set_experiment needs either a name or an id")
    from stageline.domain.experiment import Experiment
    from stageline.errors import StorageFailed

    experiments = get_workspace().experiments
    if experiment_name is None:
        experiment = experiments.get(str(experiment_id))
        if experiment.lifecycle_stage == "deleted":
            raise InvalidInput(
                f"experiment {experiment.name!r} is deleted: restore it, or choose another"
            )
    else:
        try:
            experiment = experiments.get_or_create(experiment_name)
        except StorageFailed as error:
            get_workspace().runs.warn_away(error)
            experiment = Experiment(experiment_id="", name=experiment_name)
    _Session.experiment_id = experiment.experiment_id or None
    _Session.experiment_name = experiment.name
    return experiment


def chosen_experiment() -> str | None:
    """Name of the experiment that `set_experiment`, or else `STAGELINE_EXPERIMENT_NAME`, chose for new runs."""
    return _Session.experiment_name or os.environ.get("STAGELINE_EXPERIMENT_NAME") or None


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """A new experiment; its id. Raises `AlreadyExists`."""
    return get_workspace().experiments.create(name, tags, artifact_location or "").experiment_id


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment. Raises `NotFound`."""
    return get_workspace().experiments.get(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of that name; None if there is none."""
    return get_workspace().experiments.find_by_name(name)


def delete_experiment(experiment_id: str) -> None:
    """Put an experiment aside; it can be restored until it is collected."""
    get_workspace().experiments.delete(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment of new runs."""
    chosen = (
        _Session.experiment_id
        or set_experiment(_Session.experiment_name or "Default").experiment_id
    )
    get_workspace().experiments.set_tag(chosen, key, value)


# -- runs ---------------------------------------------------------------------------------------------


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool = False,
    *,
    rank: int | None = None,
    capture_output: bool = False,
) -> ActiveRun:
    """Begin a run, or go on with one, and make it the active run of this thread or asyncio task.

    Args:
        run_id: A run in the store, to go on with. `STAGELINE_RUN_ID` names one to whatever a tracked task starts.
        experiment_id: Where a new run belongs; default: what `set_experiment` chose.
        run_name: Its name, in which `{user}`, `{experiment}`, `{date}`, `{time}` and `{run_id}` are filled in.
        nested: Whether it is a child of the active run; needed when there is one.
        parent_run_id: The run that it is a child of, if that is not the active one.
        tags: First tags.
        description: Text that is shown with the run.
        log_system_metrics: Whether to log CPU, memory, disk and network use every ten seconds.
        rank: Which process of a distributed job this is. All of them name the same `run_id`, which need not exist;
            rank 0 owns the params and the end.
        capture_output: Whether to keep what the process prints.

    Raises:
        InvalidInput: a run is active and `nested` is False, or an argument breaks a rule.
        NotFound: there is no run with that id.
        NotAllowed: the run is deleted.
    """
    above = active_run()
    if above is not None and run_id == above.run_id and above.pid != os.getpid():
        above = None  # a forked worker that was told its parent's run, and joins it
    if above is not None and not nested:
        raise InvalidInput(
            f"Run with UUID {above.run_id} is already active. To start a new run, first end the current run with "
            "stageline.end_run(). To start a nested run, call start_run with nested=True"
        )
    given = dict(tags or {})
    if description is not None:
        given[TAG_NOTE] = description
    named = run_id or (None if above else os.environ.get("STAGELINE_RUN_ID"))
    parent = parent_run_id or (above.run_id if above else None)
    runs = get_workspace().runs
    if rank is not None:
        if not named:
            raise InvalidInput(
                "start_run(rank=...) needs the run_id that all ranks of the job share"
            )
        opened = runs.join(
            named, experiment_name=_Session.experiment_name, run_name=run_name, tags=given, parent_run_id=parent,
            owns_end=rank == 0, keeps_params=rank == 0,
        )  # fmt: skip
    elif named:
        opened = runs.resume(named)
        if run_name:
            given[TAG_RUN_NAME] = run_name
        if given:
            opened.set_tags(given)
    else:
        opened = runs.create(
            experiment_id or _Session.experiment_id or os.environ.get("STAGELINE_EXPERIMENT_ID"),
            experiment_name=None if experiment_id else chosen_experiment(),
            run_name=run_name,
            tags={**_source_tags(), **given},
            parent_run_id=parent,
        )
    return _begin(opened, log_system_metrics, capture_output)


def _begin(run: ActiveRun, log_system_metrics: bool, capture_output: bool) -> ActiveRun:
    _STACK.set((*_STACK.get(), run))
    endings.watch(run)
    if capture_output:
        from stageline.tracking.terminal import Capture

        capture = Capture(run.write_output)
        capture.start()
        run.before_end.append(capture.stop)
    if log_system_metrics:
        from stageline.tracking.system_metrics import SystemMetrics

        sampling = SystemMetrics(run.log_metrics)
        sampling.start()
        run.before_end.append(sampling.stop)
    run.before_end.append(lambda: _leave(run))
    return run


def _leave(run: ActiveRun) -> None:
    endings.unwatch(run)
    _STACK.set(tuple(other for other in _STACK.get() if other is not run))


def end_run(status: RunStatus | str = RunStatus.FINISHED) -> None:
    """End the active run; nothing happens if there is none."""
    run = active_run()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """The innermost open run of this thread or asyncio task."""
    stack = _STACK.get()
    while stack and stack[-1].is_ended:  # ended elsewhere: by another thread, or through its handle
        stack = stack[:-1]
    return stack[-1] if stack else None


@contextmanager
def activated(run: ActiveRun) -> Iterator[ActiveRun]:
    """Make `run` the active one inside the block; whoever opened it ends it."""
    token = _STACK.set((*_STACK.get(), run))
    try:
        yield run
    finally:
        _STACK.reset(token)


def _current() -> ActiveRun:
    return active_run() or start_run()


def get_run(run_id: str) -> Run:
    """The run. Raises `NotFound`."""
    return get_workspace().runs.get(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """The run that this one is nested in; None if it is not nested."""
    parent = get_run(run_id).parent_run_id
    return get_run(parent) if parent else None


def delete_run(run_id: str) -> None:
    """Put a run aside; it can be restored until it is collected."""
    get_workspace().runs.delete(run_id)


# -- logging ------------------------------------------------------------------------------------------


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
) -> None:
    """Log one point of a metric to the active run, or to the run named. On disk when this returns.

    Args:
        key: Name of the metric.
        value: Any number; NaN and infinities are kept.
        step: Where in the training; 0 if not given.
        synchronous: Ignored: every call is as quick as an asynchronous one, and as sure as a synchronous one.
        timestamp: Unix time in milliseconds; now if not given.
        run_id: A run other than the active one.

    Raises:
        InvalidInput: the key or a value breaks a rule; nothing is logged.
        StorageFailed: the disk did not take the record.
    """
    if run_id is None:
        stack = _STACK.get()
        run = stack[-1] if stack and not stack[-1].is_ended else _current()
        run.log_metric(key, value, 0 if step is None else step, timestamp)
    else:
        _opened(run_id).log_metric(key, value, step or 0, timestamp)


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
) -> None:
    """Log one point of each of several metrics, all or none; arguments as of `log_metric`."""
    _opened(run_id).log_metrics(metrics, step or 0, timestamp)


def log_batch(
    metrics: Iterable[Point] = (),
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> None:
    """Log many points, params and tags by one call."""
    _opened(run_id).log_batch(metrics, params, tags)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param, recorded as `str(value)`; returns `value`. Raises `Conflict` if it was logged with another value."""
    _current().log_params({key: value})
    return value


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> None:
    """Log several params, all or none. Raises `Conflict`."""
    _opened(run_id).log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag; the last value stays."""
    _current().set_tags({key: value})


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set several tags, all or none."""
    _current().set_tags(tags)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    _current().delete_tag(key)


def log_input(
    dataset: DatasetRef, context: str | None = None, tags: Mapping[str, str] | None = None
) -> None:
    """Say that the active run reads a dataset, in a role such as `training`."""
    role = {"mlflow.data.context": context} if context else {}
    _current().log_input(DatasetInput(dataset, {**(tags or {}), **role}))


def _opened(run_id: str | None) -> ActiveRun:
    if run_id is None:
        return _current()
    return next(
        (run for run in get_workspace().runs.open_runs() if run.run_id == run_id), None
    ) or get_workspace().runs.resume(run_id, owns_end=False)


# -- files --------------------------------------------------------------------------------------------


def _files(run_id: str | None = None) -> RunArtifacts:
    return get_workspace().artifacts(run_id or _current().run_id)


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store a file, or a folder, under the run; in the folder `artifact_path` if that is given."""
    path = Path(local_path)
    if path.is_dir():
        _files(run_id).log_folder(path, "/".join(filter(None, [artifact_path, path.name])))
    else:
        _files(run_id).log_file(path, artifact_path)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store what a folder holds under the run; in the folder `artifact_path` if that is given."""
    _files(run_id).log_folder(Path(local_dir), artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store text as a file."""
    _files(run_id).log_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a dict or list as JSON, or as YAML if the file's name ends in `.yml` or `.yaml`."""
    _files(run_id).log_dict(dictionary, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Store a matplotlib or plotly figure as the kind of file that the name's ending says."""
    from stageline.tracking import media

    media.log_figure(_files(), figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = None,
) -> None:
    """Store an image as a file, or as one of a series by `key` and `step`.

    Args:
        image: A PIL image, or an array of height x width [x 1, 3 or 4 channels]: uint8, or floats from 0 to 1.
        artifact_file: The file's path, if it is a single image.
        key: The name of the series, if it is one of many.
        step: Where in the series.
        timestamp: Unix time in milliseconds; now if not given.
        synchronous: Ignored.
    """
    from stageline.tracking import media

    tags = media.log_image(_files(), image, artifact_file, key=key, step=step, timestamp=timestamp)
    if tags:
        _current().set_tags(tags)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a table (a pandas frame, or columns by name) as JSON; rows are added to a table that is there."""
    from stageline.tracking import media

    tagged = run_id or _current().run_id
    media.log_table(_files(tagged), data, artifact_file)
    runs = get_workspace().runs
    known = runs.get(tagged).data.tags.get(media.TAG_LOGGED_ARTIFACTS)
    runs.set_tags(tagged, {media.TAG_LOGGED_ARTIFACTS: media.table_tag(artifact_file, known)})


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run's artifacts lie, or one of them."""
    uri = get_workspace().runs.artifact_uri(_current().run_id)
    return f"{uri}/{artifact_path}" if artifact_path else uri


def list_artifacts(run_id: str, artifact_path: str | None = None) -> list[Any]:
    """The files and folders in a folder of a run's artifacts."""
    return _files(run_id).list(artifact_path)


def download_artifacts(
    run_id: str, artifact_path: str = "", dst_path: str | Path | None = None
) -> str:
    """Fetch a file or folder, check it against the manifest, and return where it lies now. Raises `Corrupt`."""
    return str(_files(run_id).download(artifact_path, Path(dst_path) if dst_path else None))


# -- models -------------------------------------------------------------------------------------------


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
    chosen = run_id or _current().run_id
    return get_workspace().models.log(chosen, model, artifact_path or name, **details)


def load_model(
    model_uri: str | Path,
    *,
    flavor: str | None = None,
    allow_pickle: bool | None = None,
    trusted_types: Sequence[str] = (),
    dst_path: str | Path | None = None,
) -> LoadedModel:
    """Load a model by path, URL, `runs:/...` or `models:/...`; `native` of it is the framework's own object.

    See `Models.load` for the arguments and for what is refused.
    """
    return get_workspace().models.load(
        model_uri,
        flavor=flavor,
        allow_pickle=allow_pickle,
        trusted_types=trusted_types,
        dst_path=dst_path,
    )


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


# -- search -------------------------------------------------------------------------------------------


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """Runs by filter and order.

    Args:
        experiment_ids: Where to look; default: the experiment of new runs.
        filter_string: Comparisons joined by AND, such as `metrics.rmse < 0.8 and params.alpha = '0.5'`.
        run_view_type: Active runs, deleted ones, or all.
        max_results: At most so many.
        order_by: Such as `["metrics.rmse ASC"]`; default: the newest first.
        output_format: `pandas` for a frame, one row a run; `list` for `Run` objects.
        search_all_experiments: Look everywhere, if neither ids nor names are given.
        experiment_names: The experiments by name; those that do not exist are passed over.

    Raises:
        InvalidInput: the filter or an ordering is not valid, both ids and names are given, or pandas is not installed.
    """
    ids = _experiments_to_search(experiment_ids, experiment_names, search_all_experiments)
    view = as_view(run_view_type)
    found: list[Run] = []
    token: str | None = None
    while len(found) < max_results:
        page = get_workspace().search_runs(
            ids, filter_string, view, min(1000, max_results - len(found)), order_by or (), token
        )
        found += page
        token = page.token
        if token is None:
            break
    if output_format == "list":
        return found
    if output_format != "pandas":
        raise InvalidInput(f"output_format should be 'pandas' or 'list', not {output_format!r}")
    from stageline.tracking.frame import runs_frame

    return runs_frame(found)


def as_view(view: ViewType | int) -> ViewType:
    """A view, also by the number that the field's clients give: 1 active, 2 deleted, 3 all."""
    if isinstance(view, ViewType):
        return view
    try:
        return list(ViewType)[int(view) - 1]
    except (ValueError, IndexError):
        raise InvalidInput(f"a view is one of {', '.join(ViewType)}, not {view!r}") from None


def _experiments_to_search(
    ids: Sequence[str] | None, names: Sequence[str] | None, everywhere: bool
) -> list[str]:
    if ids and names:
        raise InvalidInput("Only experiment_ids or experiment_names can be used, but not both")
    if ids:
        return [str(experiment_id) for experiment_id in ids]
    if names:
        found = (get_workspace().experiments.find_by_name(name) for name in names)
        return [experiment.experiment_id for experiment in found if experiment is not None]
    if everywhere:
        return [experiment.experiment_id for experiment in get_workspace().experiments.list()]
    if _Session.experiment_name and not _Session.experiment_id:
        return [set_experiment(_Session.experiment_name).experiment_id]
    return [_Session.experiment_id or "0"]


def search_experiments(
    view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Experiments by filter and order; arguments as of `search_runs`."""
    view = as_view(view_type)
    found: list[Experiment] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        left = 1000 if max_results is None else min(1000, max_results - len(found))
        page = get_workspace().search_experiments(
            view, left, filter_string or "", order_by or (), token
        )
        found += page
        token = page.token
        if token is None:
            break
    return found


def _source_tags() -> dict[str, str]:
    # Late: looking for the repository costs nothing where there is none, but its module is of no use to a reader.
    from stageline.tracking.source import source_tags

    return source_tags()
