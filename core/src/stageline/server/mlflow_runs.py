"""MLflow's routes of runs: begin, look, search, change, put aside. What is logged to them is in `mlflow_logging`."""

from __future__ import annotations

import msgspec

from stageline.domain.page import DEFAULT_MAX_RESULTS
from stageline.domain.run import TAG_RUN_NAME, TAG_USER, RunStatus
from stageline.errors import InvalidInput, NotFound
from stageline.server import asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_experiments import paged, view_of
from stageline.server.mlflow_shapes import Shape, info_shape, run_shape
from stageline.server.model_links import tag_key
from stageline.server.wire import encode, required

STATUS_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""As protobuf numbers them; some clients send those."""


def create(call: Call, ask: asks.CreateRun) -> Shape:
    tags = {tag_key(tag.key): tag.value or "" for tag in ask.tags}
    tagged = tags.get(TAG_RUN_NAME)
    if ask.run_name and tagged and ask.run_name != tagged:
        raise InvalidInput(
            f"Both 'run_name' argument and '{TAG_RUN_NAME}' tag are specified, but with different values "
            f"(run_name='{ask.run_name}', {TAG_RUN_NAME}='{tagged}')."
        )
    if ask.user_id:
        tags.setdefault(TAG_USER, ask.user_id)
    experiment_id = ask.experiment_id or "0"
    try:
        active = call.replica.runs.create(
            experiment_id=experiment_id,
            run_name=ask.run_name or None,
            tags=tags,
            start_time=ask.start_time,
        )
    except NotFound as error:
        raise NotFound(f"No Experiment with id={experiment_id} exists") from error
    call.replica.settle(active.run_id)
    return {"run": run_shape(call.replica, active.snapshot())}


def update(call: Call, ask: asks.UpdateRun) -> Shape:
    run_id = required("run_id", ask.run_id or ask.run_uuid)
    status = None if ask.status is None else _status(ask.status)
    if ask.run_name:
        with call.replica.runs.writing(run_id) as held:
            assert held.active is not None
            held.active.set_tags({TAG_RUN_NAME: ask.run_name})
    if status is not None:
        call.replica.runs.set_status(run_id, status, ask.end_time)
    call.replica.settle(run_id)
    return {"run_info": info_shape(call.replica, call.workspace.runs.get(run_id).info)}


def get(call: Call, ask: asks.OneRun) -> Shape:
    run = call.workspace.runs.get(required("run_id", ask.run_id or ask.run_uuid))
    return {"run": run_shape(call.replica, run)}


def search(call: Call, ask: asks.SearchRuns) -> Shape:
    replica = call.replica
    page = call.workspace.search_runs(
        replica.known_experiments(ask.experiment_ids),
        ask.filter or "",
        view_of(ask.run_view_type),
        DEFAULT_MAX_RESULTS if ask.max_results is None else ask.max_results,
        ask.order_by,
        ask.page_token,
    )
    # Each as JSON at once: the dicts of a thousand runs take several times as much.
    runs = [msgspec.Raw(encode(run_shape(replica, run))) for run in page]
    return paged("runs", runs, page.token)


def delete(call: Call, ask: asks.OneRun) -> None:
    run_id = required("run_id", ask.run_id)
    with call.replica.runs.alone(run_id):
        call.workspace.runs.delete(run_id)
    call.replica.runs.leave(run_id)  # so that the next record meets a run that is deleted


def restore(call: Call, ask: asks.OneRun) -> None:
    run_id = required("run_id", ask.run_id)
    with call.replica.runs.alone(run_id):
        call.workspace.runs.restore(run_id)


def _status(given: str | int) -> RunStatus:
    try:
        return RunStatus(STATUS_NUMBERS.get(given, "") if isinstance(given, int) else given)
    except ValueError as error:
        raise InvalidInput(
            f"Invalid value {str(given)[:100]!r} for parameter 'status' supplied: expected one of "
            f"{', '.join(RunStatus)}."
        ) from error


ENDPOINTS = [
    Endpoint("POST", "runs/create", asks.CreateRun, create),
    Endpoint("POST", "runs/update", asks.UpdateRun, update),
    Endpoint("GET", "runs/get", asks.OneRun, get),
    Endpoint("POST", "runs/search", asks.SearchRuns, search),
    Endpoint("POST", "runs/delete", asks.OneRun, delete),
    Endpoint("POST", "runs/restore", asks.OneRun, restore),
]
