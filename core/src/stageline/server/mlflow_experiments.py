"""MLflow's routes of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.domain.run import ViewType
from stageline.errors import InvalidInput, NotFound
from stageline.server import asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_shapes import Shape, experiment_shape
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment

DEFAULT_EXPERIMENT_PAGE = 1000


def create(call: Call, ask: asks.CreateExperiment) -> Shape:
    made = call.workspace.experiments.create(
        required("name", ask.name),
        {required("key", tag.key): tag.value or "" for tag in ask.tags},
        ask.artifact_location or "",
    )
    return {"experiment_id": made.experiment_id}


def get(call: Call, ask: asks.OneExperiment) -> Shape:
    return {"experiment": experiment_shape(call.replica, found(call, ask.experiment_id))}


def get_by_name(call: Call, ask: asks.ExperimentByName) -> Shape:
    name = required("experiment_name", ask.experiment_name)
    experiment = call.workspace.experiments.find_by_name(name)
    if experiment is None:
        # Without a look at the names nearby: for clients this is the way to ask whether it exists.
        raise NotFound(f"Could not find experiment with name '{name}'")
    return {"experiment": experiment_shape(call.replica, experiment)}


def search(call: Call, ask: asks.SearchExperiments) -> Shape:
    page = call.workspace.search_experiments(
        view_of(ask.view_type),
        DEFAULT_EXPERIMENT_PAGE if ask.max_results is None else ask.max_results,
        ask.filter or "",
        ask.order_by,
        ask.page_token,
    )
    return paged("experiments", [experiment_shape(call.replica, one) for one in page], page.token)


def update(call: Call, ask: asks.UpdateExperiment) -> None:
    experiment = found(call, ask.experiment_id)
    if ask.new_name is not None:
        call.workspace.experiments.rename(experiment.experiment_id, ask.new_name)


def delete(call: Call, ask: asks.OneExperiment) -> None:
    call.workspace.experiments.delete(found(call, ask.experiment_id).experiment_id)


def restore(call: Call, ask: asks.OneExperiment) -> None:
    call.workspace.experiments.restore(found(call, ask.experiment_id).experiment_id)


def set_tag(call: Call, ask: asks.ExperimentTag) -> None:
    experiment = found(call, ask.experiment_id)
    key = required("key", ask.key)
    call.workspace.experiments.set_tag(experiment.experiment_id, key, ask.value or "")


def delete_tag(call: Call, ask: asks.ExperimentTag) -> None:
    experiment = found(call, ask.experiment_id)
    call.workspace.experiments.delete_tag(experiment.experiment_id, required("key", ask.key))


def found(call: Call, experiment_id: str | None) -> Experiment:
    """The experiment of an id. Raises `NotFound` in the words that MLflow's clients look for."""
    wanted = required("experiment_id", experiment_id)
    try:
        return call.workspace.experiments.get(wanted)
    except NotFound as error:
        raise NotFound(f"No Experiment with id={wanted} exists") from error


def view_of(name: str | None) -> ViewType:
    """Which lifecycle stages to show. Raises `InvalidInput`."""
    try:
        return ViewType(name or "ACTIVE_ONLY")
    except ValueError as error:
        raise InvalidInput(
            f"Invalid value {name[:100] if name else name!r} for parameter 'view_type' supplied: expected "
            "ACTIVE_ONLY, DELETED_ONLY or ALL."
        ) from error


def paged(name: str, items: list[Any], token: str | None) -> Shape:
    """A page of `items`."""
    return {name: items, "next_page_token": token} if token else {name: items}


ENDPOINTS = [
    Endpoint("POST", "experiments/create", asks.CreateExperiment, create),
    Endpoint("GET", "experiments/get", asks.OneExperiment, get),
    Endpoint("GET", "experiments/get-by-name", asks.ExperimentByName, get_by_name),
    Endpoint("POST", "experiments/search", asks.SearchExperiments, search),
    Endpoint("GET", "experiments/search", asks.SearchExperiments, search),
    Endpoint("POST", "experiments/update", asks.UpdateExperiment, update),
    Endpoint("POST", "experiments/delete", asks.OneExperiment, delete),
    Endpoint("POST", "experiments/restore", asks.OneExperiment, restore),
    Endpoint("POST", "experiments/set-experiment-tag", asks.ExperimentTag, set_tag),
    Endpoint("POST", "experiments/delete-experiment-tag", asks.ExperimentTag, delete_tag),
]
