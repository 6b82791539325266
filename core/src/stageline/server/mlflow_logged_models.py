"""MLflow's routes of logged models, without which a client of MLflow 3 can log none."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput
from stageline.server import asks_logged_models as asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.file_places import model_place
from stageline.server.mlflow_experiments import found, paged
from stageline.server.mlflow_logged_model_shapes import (
    STATUSES,
    logged_model_shape,
    logged_model_uri,
)
from stageline.server.mlflow_logging import writing
from stageline.server.mlflow_shapes import Shape
from stageline.server.wire import required
from stageline.tracking.logged_model_search import asked_dataset, asked_order

if TYPE_CHECKING:
    from stageline.domain.logged_model import LoggedModel, LoggedModelStatus
    from stageline.server.asks import Tag


def create(call: Call, ask: asks.CreateLoggedModel) -> Shape:
    experiment_id = found(call, ask.experiment_id).experiment_id
    run_id = ask.source_run_id or None
    # The run that makes it is told so by this replica's own stream.
    with writing(call, run_id) if run_id else nullcontext():
        model = call.workspace.logged_models.create(
            experiment_id,
            ask.name or None,
            source_run_id=run_id,
            tags=_pairs(ask.tags),
            params=_pairs(ask.params),
            model_type=ask.model_type or None,
        )
    return _told(call, model)


def get(call: Call, ask: asks.OneLoggedModel) -> Shape:
    models = call.workspace.logged_models
    return _told(call, models.get(ask.model_id, even_deleted=bool(ask.allow_deleted)))


def finalize(call: Call, ask: asks.FinalizeLoggedModel) -> Shape:
    return _told(call, call.workspace.logged_models.finish(_known(call, ask), _status(ask.status)))


def delete(call: Call, ask: asks.OneLoggedModel) -> None:
    call.workspace.logged_models.delete(ask.model_id)


def search(call: Call, ask: asks.SearchLoggedModels) -> Shape:
    if not ask.experiment_ids:
        raise InvalidInput("Missing value for required parameter 'experiment_ids'.")
    page = call.workspace.logged_models.search(
        call.replica.known_experiments(list(dict.fromkeys(ask.experiment_ids))),
        ask.filter or "",
        datasets=[asked_dataset(one.dataset_name, one.dataset_digest) for one in ask.datasets],
        max_results=ask.max_results or None,
        order_by=[
            asked_order(one.field_name, one.ascending, one.dataset_name, one.dataset_digest)
            for one in ask.order_by
        ],
        page_token=ask.page_token or None,
    )
    return paged("models", [logged_model_shape(call.replica, one) for one in page], page.token)


def set_tags(call: Call, ask: asks.LoggedModelTags) -> None:
    call.workspace.logged_models.set_tags(_known(call, ask), _pairs(ask.tags))


def delete_tag(call: Call, ask: asks.LoggedModelTag) -> None:
    call.workspace.logged_models.delete_tag(_known(call, ask), ask.tag_key)


def log_params(call: Call, ask: asks.LoggedModelParams) -> None:
    call.workspace.logged_models.log_params(_known(call, ask), _pairs(ask.params))


def list_files(call: Call, ask: asks.LoggedModelFolder) -> Shape:
    model_id = _known(call, ask)
    place = model_place(call.replica, model_id, (ask.artifact_directory_path or "").strip("/"))
    root = call.replica.model_home(model_id).path
    cut = len(root) + 1 if root else 0
    files = [
        {"path": one.path[cut:], "is_dir": one.is_dir}
        | ({} if one.file_size is None else {"file_size": one.file_size})
        for one in place.files.list(place.path)
    ]
    shape: Shape = {"files": files} if files else {}
    return {
        "root_uri": logged_model_uri(call.replica, call.workspace.logged_models.get(model_id)),
        **shape,
    }


def _told(call: Call, model: LoggedModel) -> Shape:
    return {"model": logged_model_shape(call.replica, model)}


def _known(
    call: Call,
    ask: asks.FinalizeLoggedModel | asks.LoggedModelTags | asks.LoggedModelTag | asks.LoggedModelParams
    | asks.LoggedModelFolder,
) -> str:  # fmt: skip
    """The id, if it is that of a model which is not deleted. Raises `NotFound`."""
    return call.workspace.logged_models.get(ask.model_id).model_id


def _status(given: str | int | None) -> LoggedModelStatus:
    names = list(STATUSES)
    if isinstance(given, int) and 1 <= given <= len(names):
        given = names[given - 1]
    if given is None or given == "":
        raise InvalidInput("Missing value for required parameter 'status'.")
    if given not in STATUSES:
        raise InvalidInput(
            f"Invalid value {str(given)[:100]!r} for parameter 'status' supplied: expected one of {', '.join(names)}."
        )
    return STATUSES[str(given)]


def _pairs(given: list[Tag]) -> dict[str, str]:
    return {required("key", one.key): one.value or "" for one in given}


ENDPOINTS = [
    Endpoint("POST", "logged-models", asks.CreateLoggedModel, create),
    Endpoint("POST", "logged-models/search", asks.SearchLoggedModels, search),
    Endpoint("GET", "logged-models/{model_id}", asks.OneLoggedModel, get),
    Endpoint("PATCH", "logged-models/{model_id}", asks.FinalizeLoggedModel, finalize),
    Endpoint("DELETE", "logged-models/{model_id}", asks.OneLoggedModel, delete),
    Endpoint("PATCH", "logged-models/{model_id}/tags", asks.LoggedModelTags, set_tags),
    Endpoint("DELETE", "logged-models/{model_id}/tags/{tag_key}", asks.LoggedModelTag, delete_tag),
    Endpoint("POST", "logged-models/{model_id}/params", asks.LoggedModelParams, log_params),
    Endpoint(
        "GET",
        "logged-models/{model_id}/artifacts/directories",
        asks.LoggedModelFolder,
        list_files,
    ),
]
