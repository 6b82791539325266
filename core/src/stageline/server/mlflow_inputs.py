"""MLflow's routes by which a run says what it reads and makes: datasets and logged models."""

from __future__ import annotations

from stageline.domain import names
from stageline.domain.logged_model import input_tag, output_tag
from stageline.domain.run import DatasetInput, DatasetRef
from stageline.errors import InvalidInput
from stageline.server import asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_logging import text, writing
from stageline.server.wire import required

TAG_LOGGED_MODELS = "mlflow.log-model.history"


def log_inputs(call: Call, ask: asks.LogInputs) -> None:
    inputs = [_dataset(given) for given in ask.datasets]
    models = dict(input_tag(required("model_id", model.model_id)) for model in ask.models)
    with writing(call, ask.run_id) as (active, _):
        active.log_inputs(inputs)
        if models:
            active.set_tags(models)


def log_outputs(call: Call, ask: asks.LogOutputs) -> None:
    outputs = dict(
        output_tag(required("model_id", model.model_id), model.step or 0) for model in ask.models
    )
    with writing(call, ask.run_id) as (active, _):
        active.set_tags(outputs)


def log_model(call: Call, ask: asks.LogModel) -> None:
    """As clients before MLflow 3 and R do it: a list of MLmodel documents in a tag."""
    import json

    given = required("model_json", ask.model_json)
    run_id = required("run_id", ask.run_id)
    try:
        model = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"Malformed model info. \n {given[:200]} \n not a valid JSON."
        ) from error
    missing = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(
        model if isinstance(model, dict) else ()
    )
    if missing:
        raise InvalidInput(f"Model json is missing mandatory fields: {', '.join(sorted(missing))}")
    with writing(call, run_id) as (active, _):
        known = call.workspace.runs.get(run_id).data.tags.get(TAG_LOGGED_MODELS)
        models = [*(json.loads(known) if known else []), model]
        value, was_cut = names.check_tag_value(json.dumps(models))
        if was_cut:
            raise InvalidInput(f"run {run_id} has as many models as its tag can hold")
        active.set_tags({TAG_LOGGED_MODELS: value})


def _dataset(given: asks.DatasetInput) -> DatasetInput:
    if given.dataset is None:
        raise InvalidInput("Missing value for required parameter 'dataset'.")
    dataset = given.dataset
    ref = DatasetRef(
        name=required("dataset.name", dataset.name),
        digest=required("dataset.digest", dataset.digest),
        source_type=required("dataset.source_type", dataset.source_type),
        source=text("dataset.source", dataset.source),
        schema=dataset.schema,
        profile=dataset.profile,
    )
    return DatasetInput(ref, {required("key", tag.key): tag.value or "" for tag in given.tags})


ENDPOINTS = [
    Endpoint("POST", "runs/log-inputs", asks.LogInputs, log_inputs),
    Endpoint("POST", "runs/outputs", asks.LogOutputs, log_outputs),
    Endpoint("POST", "runs/log-model", asks.LogModel, log_model),
]
