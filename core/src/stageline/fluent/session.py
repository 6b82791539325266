"""Which store and experiment the process works on, and the experiments of that store."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.tracking.inheritance import inherited
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.domain.experiment import Experiment


class Session:
    """What the process has chosen: a store, and the experiment of new runs."""

    workspace: Workspace | None = None
    experiment_id: str | None = None
    experiment_name: str | None = None


def set_store(url: str | Path, **settings: Any) -> None:
    """Choose the store of this process: a folder, or any URL that fsspec knows. `STAGELINE_STORE` does the same."""
    Session.workspace = Workspace.open(url, **settings)
    Session.experiment_id = Session.experiment_name = None


def get_store() -> str:
    """URL of the store of this process, without credentials."""
    return get_workspace().store.url


_here: ContextVar[Workspace | None] = ContextVar("stageline_workspace", default=None)
"""The store of this thread or asyncio task, where it is not that of the process."""


@contextmanager
def chosen_workspace(workspace: Workspace) -> Iterator[None]:
    """Let these functions work on `workspace` inside the block, in this thread or asyncio task."""
    token = _here.set(workspace)
    try:
        yield
    finally:
        _here.reset(token)


def get_workspace() -> Workspace:
    """The workspace that these functions work on."""
    here = _here.get()
    if here is not None:
        return here
    if Session.workspace is None:
        Session.workspace = Workspace.open()
    return Session.workspace


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
    Session.experiment_id = experiment.experiment_id or None
    Session.experiment_name = experiment.name
    return experiment


def chosen_experiment() -> str | None:
    """Name of the experiment that `set_experiment`, or else `STAGELINE_EXPERIMENT_NAME`, chose for new runs."""
    return Session.experiment_name or inherited("STAGELINE_EXPERIMENT_NAME") or None


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
        Session.experiment_id or set_experiment(Session.experiment_name or "Default").experiment_id
    )
    get_workspace().experiments.set_tag(chosen, key, value)
