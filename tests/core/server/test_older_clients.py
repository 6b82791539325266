"""Requests as clients of other languages and older versions write them: Java's numbers are text, R's all is."""

from __future__ import annotations

import json

import pytest
from asking import Asked

JAVA = "/api/2.0/mlflow/"
OLD_R = "/ajax-api/2.0/preview/mlflow/"


def test_run_of_a_client_of_java(server: Asked) -> None:
    def send(method: str, path: str, text: str) -> dict[str, object]:
        reply = server.ask(method, JAVA + path, text.encode())
        assert reply.status == 200, reply
        answer: dict[str, object] = reply.json
        return answer

    run_id = server.run()
    both = f'"run_uuid": "{run_id}", "run_id": "{run_id}"'
    numbers = '"value": "NaN", "timestamp": "1700000000000", "step": "-3"'
    send("POST", "runs/log-metric", f'{{{both}, "key": "m", {numbers}}}')
    send("POST", "runs/update", f'{{{both}, "status": "FINISHED", "end_time": "1700000000001"}}')
    found = server.found(run_id)
    assert (found["info"]["status"], found["info"]["end_time"]) == ("FINISHED", 1700000000001)
    assert found["data"]["metrics"] == [
        {"key": "m", "value": "NaN", "timestamp": 1700000000000, "step": -3}
    ]
    send("POST", "registered-models/create", '{"name": "wine"}')
    made = f'{{"name": "wine", "run_id": "{run_id}", "source": "s3://b/m"}}'
    send("POST", "model-versions/create", made)
    send("PATCH", "model-versions/update", '{"name": "wine", "version": "1"}')
    staged = '{"name": "wine", "version": "1", "stage": "Staging"}'
    send("POST", "model-versions/transition-stage", staged)
    query = "registered-models/get-latest-versions"
    latest = server.ask("GET", JAVA + query, query={"name": "wine", "stages": ["Staging"]})
    assert [one["version"] for one in latest.json["model_versions"]] == ["1"]
    searched = server.ask("GET", f"{JAVA}model-versions/search", query={"filter": "name='wine'"})
    assert len(searched.json["model_versions"]) == 1


@pytest.mark.parametrize("twice", [False, True])
def test_registry_of_a_client_of_r(server: Asked, twice: bool) -> None:
    def send(method: str, path: str, body: object) -> dict[str, object]:
        text = json.dumps(json.dumps(body)) if twice else json.dumps(body)
        reply = server.ask(method, OLD_R + path, text.encode())
        assert reply.status == 200, reply
        answer: dict[str, object] = reply.json
        return answer

    made = send(
        "POST", "runs/create", {"experiment_id": "0", "user_id": "ann", "start_time": "1.7e+12"}
    )
    run_id = made["run"]["info"]["run_uuid"]  # type: ignore[index]
    metric = {
        "run_uuid": run_id,
        "run_id": run_id,
        "key": "m",
        "value": "Infinity",
        "timestamp": 1.7e12,
        "step": "2",
    }
    send("POST", "runs/log-metric", metric)
    send("POST", "registered-models/create", {"name": "wine", "tags": [{"key": "k", "value": "v"}]})
    send("POST", "model-versions/create", {"name": "wine", "source": "s3://b/m", "run_id": run_id})
    moved = {
        "name": "wine",
        "version": "1",
        "stage": "Production",
        "archive_existing_versions": "true",
    }
    send("POST", "model-versions/transition-stage", moved)
    found = send("POST", "registered-models/search", {"max_results": "100", "order_by": []})
    assert [one["name"] for one in found["registered_models"]] == ["wine"]  # type: ignore[attr-defined]
    send("PATCH", "model-versions/update", {"name": "wine", "version": 1, "description": "d"})
    send("POST", "registered-models/alias", {"name": "wine", "alias": "best", "version": "1"})
    query = {"name": "wine", "alias": "best"}
    aliased = server.ask("GET", f"{OLD_R}registered-models/alias", query=query)
    assert aliased.json["model_version"]["description"] == "d"
    send("DELETE", "model-versions/delete", {"name": "wine", "version": "1"})
    send("DELETE", "registered-models/delete", {"name": "wine"})


def test_booleans_are_read_from_a_query(server: Asked) -> None:
    made = server.made("logged-models", experiment_id="0")["model"]["info"]
    path = f"logged-models/{made['model_id']}"
    for given in ("true", "false", "True"):
        assert server.get(path, allow_deleted=given).status == 200, given
    assert server.get(path, allow_deleted="maybe").status == 400
