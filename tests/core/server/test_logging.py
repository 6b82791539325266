"""Metrics, params, tags, inputs and outputs by MLflow's protocol."""

from __future__ import annotations

import json
import math

import pytest
from asking import API, Asked


def point(run_id: str, **more: object) -> dict[str, object]:
    return {"run_id": run_id, "key": "m", "value": 1.5, "timestamp": 7, "step": 2, **more}


def pairs(given: list[dict[str, str]]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in given}


def test_point_is_read_back_by_the_next_request(server: Asked) -> None:
    run_id = server.run()
    assert server.made("runs/log-metric", **point(run_id)) == {}
    expected = {"key": "m", "value": 1.5, "timestamp": 7, "step": 2}
    assert server.found(run_id)["data"]["metrics"] == [expected]
    history = server.get("metrics/get-history", run_id=run_id, metric_key="m").json
    assert history == {"metrics": [expected]}


def test_numbers_may_come_as_text_and_need_not_be_finite(server: Asked) -> None:
    run_id = server.run()
    for step, value in enumerate(("NaN", "Infinity", "-Infinity", "2.5")):
        server.made("runs/log-metric", **point(run_id, value=value, step=str(step)))
    points = server.get("metrics/get-history", run_id=run_id, metric_key="m").json["metrics"]
    assert [one["value"] for one in points] == ["NaN", "Infinity", "-Infinity", 2.5]


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"value": True}, "value"),
        ({"value": None}, "value"),
        ({"timestamp": -1}, "timestamp"),
        ({"timestamp": None}, "timestamp"),
        ({"step": 1.5}, "step"),
        ({"step": 2**63}, "step"),
        ({"key": "a//b"}, "name"),
        ({"key": None}, "key"),
        ({"run_id": None}, "run_id"),
        ({"key": 5}, "key"),
    ],
)
def test_wrong_point_is_400_and_names_the_field(
    server: Asked, wrong: dict[str, object], names: str
) -> None:
    run_id = server.run()
    refused = server.post("runs/log-metric", **{**point(run_id), **wrong})
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
    assert f"parameter '{names}'" in refused.json["message"]
    assert server.found(run_id)["data"]["metrics"] == []


def test_batch_that_is_wrong_somewhere_logs_nothing(server: Asked) -> None:
    run_id = server.run()
    fine = {"key": "m", "value": 1, "timestamp": 1}
    refused = server.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[fine],
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "a//b", "value": "v"}],
    )
    assert refused.status == 400
    data = server.found(run_id)["data"]
    assert (data["metrics"], data["params"]) == ([], [])


def test_batch_holds_a_thousand_points_and_no_more(server: Asked) -> None:
    run_id = server.run()
    metrics = [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(1001)]
    server.made("runs/log-batch", run_id=run_id, metrics=metrics[:1000])
    refused = server.post("runs/log-batch", run_id=run_id, metrics=metrics)
    assert refused.json["message"].startswith(
        "A batch logging request can contain at most 1000 metrics. Got 1001 metrics"
    )
    assert (
        len(server.get("metrics/get-history", run_id=run_id, metric_key="m").json["metrics"])
        == 1000
    )


def test_param_keeps_its_first_value(server: Asked) -> None:
    run_id = server.run()
    one = {"run_id": run_id, "key": "p"}
    server.made("runs/log-parameter", **one, value="1")
    server.made("runs/log-parameter", **one, value="1")
    refused = server.post("runs/log-parameter", **one, value="2")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
    assert refused.json["message"].startswith(
        "Changing param values is not allowed. Param with key='p' was already logged with value='1' for "
        f"run ID='{run_id}'"
    )
    twice = [{"key": "q", "value": "1"}, {"key": "q", "value": "2"}]
    assert server.post("runs/log-batch", run_id=run_id, params=twice).status == 400
    assert pairs(server.found(run_id)["data"]["params"]) == {"p": "1"}


def test_tags_change_and_go(server: Asked) -> None:
    run_id = server.run(tags=[{"key": "a", "value": "0"}])
    for value in ("1", "2"):
        server.made("runs/set-tag", run_id=run_id, key="a", value=value)
    assert pairs(server.found(run_id)["data"]["tags"])["a"] == "2"
    server.made("runs/delete-tag", run_id=run_id, key="a")
    assert "a" not in pairs(server.found(run_id)["data"]["tags"])
    assert server.post("runs/delete-tag", run_id=run_id, key="a").status == 404


def test_datasets_and_logged_models_are_kept_apart(server: Asked) -> None:
    run_id = server.run()
    dataset = {"name": "train", "digest": "d", "source_type": "http", "source": "s", "schema": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    model = "m-" + "0" * 32
    server.made(
        "runs/log-inputs",
        run_id=run_id,
        datasets=[{"dataset": dataset, "tags": tags}],
        models=[{"model_id": model}],
    )
    server.made("runs/outputs", run_id=run_id, models=[{"model_id": model, "step": 3}])
    run = server.found(run_id)
    assert run["inputs"] == {
        "dataset_inputs": [{"tags": tags, "dataset": dataset}],
        "model_inputs": [{"model_id": model}],
    }
    assert run["outputs"] == {"model_outputs": [{"model_id": model, "step": 3}]}
    assert not any("model" in tag["key"] for tag in run["data"]["tags"])


def test_points_of_a_logged_model_are_kept_once_and_told_of_the_model(server: Asked) -> None:
    run_id = server.run()
    made = server.made("logged-models", experiment_id="0", source_run_id=run_id)["model"]["info"]
    server.made("runs/log-metric", **point(run_id))
    server.made("runs/log-metric", **point(run_id, model_id=made["model_id"]))
    key = point(run_id)["key"]
    history = server.get("metrics/get-history", run_id=run_id, metric_key=key).json["metrics"]
    assert len(history) == 1
    model = server.get(f"logged-models/{made['model_id']}").json["model"]
    assert [(one["key"], one["run_id"]) for one in model["data"]["metrics"]] == [(key, run_id)]
    batch = [{"key": "x", "value": 1, "timestamp": 1, "model_id": "m-2"}]
    refused = server.post("runs/log-batch", run_id=run_id, metrics=batch)
    assert (refused.status, refused.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "x" not in pairs(server.found(run_id)["data"]["metrics"])


def test_tags_that_tie_runs_to_models_are_no_users(server: Asked) -> None:
    run_id = server.run()
    tag = {"key": "stageline.model.output.m-1", "value": "x"}
    assert server.post("runs/set-tag", run_id=run_id, **tag).status == 400
    assert server.post("runs/log-batch", run_id=run_id, tags=[tag]).status == 400
    assert server.post("runs/create", experiment_id="0", tags=[tag]).status == 400
    assert server.post("runs/delete-tag", run_id=run_id, key=tag["key"]).status == 404


def test_model_documents_of_older_clients_gather_in_a_tag(server: Asked) -> None:
    run_id = server.run()
    document = {"artifact_path": "m", "flavors": {}, "utc_time_created": "t", "run_id": run_id}
    for path in ("a", "b"):
        text = json.dumps({**document, "artifact_path": path})
        server.made("runs/log-model", run_id=run_id, model_json=text)
    tag = pairs(server.found(run_id)["data"]["tags"])["mlflow.log-model.history"]
    assert [one["artifact_path"] for one in json.loads(tag)] == ["a", "b"]
    for wrong in ("{}", "{", "5"):
        assert server.post("runs/log-model", run_id=run_id, model_json=wrong).status == 400


def test_body_that_was_encoded_twice_is_read(server: Asked) -> None:
    run_id = server.run()
    twice = json.dumps(json.dumps(point(run_id))).encode()
    assert server.ask("POST", f"{API}runs/log-metric", twice).status == 200
    assert server.found(run_id)["data"]["metrics"]


def test_history_comes_in_pages(server: Asked) -> None:
    run_id = server.run()
    for step in range(5):
        server.made("runs/log-metric", **point(run_id, value=math.pi, step=step))
    query = {"run_id": run_id, "metric_key": "m", "max_results": 2}
    steps, token = [], ""
    while True:
        page = server.get("metrics/get-history", **query, page_token=token).json
        steps += [one["step"] for one in page["metrics"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert steps == [0, 1, 2, 3, 4]


def test_histories_of_many_runs_are_thinned_and_keep_their_ends(server: Asked) -> None:
    runs = [server.run(), server.run()]
    for run_id in runs:
        metrics = [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(100)]
        server.made("runs/log-batch", run_id=run_id, metrics=metrics)
    query = {"run_ids": runs, "metric_key": "m"}
    found = server.get("metrics/get-history-bulk-interval", **query, max_results=5).json["metrics"]
    for run_id in runs:
        steps = [one["step"] for one in found if one["run_id"] == run_id]
        assert (len(steps), steps[0], steps[-1]) == (5, 0, 99)
    some = server.get(
        "metrics/get-history-bulk-interval", **query, start_step=10, end_step=12
    ).json["metrics"]
    assert {one["step"] for one in some} == {10, 11, 12}
    whole = server.get("metrics/get-history-bulk", run_id=runs, metric_key="m").json["metrics"]
    assert len(whole) == 200
    assert server.get("metrics/get-history-bulk", metric_key="m").status == 400
