"""Logged models by MLflow's protocol: their files, what runs say of them, and how they stay apart."""

from __future__ import annotations

import json
from typing import Any

from asking import API, Asked, Reply

from stageline.server.options import Options
from stageline.workspace import Workspace

FILES = "/api/2.0/mlflow-artifacts/artifacts"


def model_of(server: Asked, **more: Any) -> Any:
    """What is said of a new model."""
    made = server.made("logged-models", experiment_id="0", **more)
    return made["model"]["info"]


def send(server: Asked, method: str, path: str, **body: Any) -> Reply:
    return server.ask(method, API + path, json.dumps(body).encode())


def put(server: Asked, uri: str, path: str, data: bytes) -> Reply:
    place = f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}/{path}"
    return server.ask("PUT", place, data, headers={"content-type": "text/plain"})


def get(server: Asked, uri: str, path: str) -> Reply:
    return server.ask("GET", f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}/{path}")


def test_files_of_a_model_lie_among_those_of_its_run(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    info = model_of(server, name="net", source_run_id=run_id)
    uri = info["artifact_uri"]
    assert uri == f"mlflow-artifacts:/0/models/{info['model_id']}/artifacts"
    assert put(server, uri, "data/x.bin", b"x" * 10).status == 200
    assert put(server, uri, "MLmodel", b"flavors: {}\n").status == 200
    assert get(server, uri, "data/x.bin").content == b"x" * 10
    assert {"net/data/x.bin", "net/MLmodel"} <= workspace.runs.files(run_id).keys()
    listed = server.ask("GET", FILES, query={"path": uri.removeprefix("mlflow-artifacts:/")})
    assert {one["path"] for one in listed.json["files"]} == {"data", "MLmodel"}
    folders = server.get(f"logged-models/{info['model_id']}/artifacts/directories").json
    assert folders["root_uri"] == uri
    assert {(one["path"], one["is_dir"]) for one in folders["files"]} == {
        ("data", True),
        ("MLmodel", False),
    }
    inner = server.get(
        f"logged-models/{info['model_id']}/artifacts/directories", artifact_directory_path="data"
    )
    assert inner.json["files"] == [{"path": "data/x.bin", "is_dir": False, "file_size": 10}]
    for api in ("/api/2.0", "/ajax-api/2.0"):  # as MLflow's pages do
        address = f"{api}/mlflow/logged-models/{info['model_id']}/artifacts/files"
        fetched = server.ask("GET", address, query={"artifact_file_path": "data/x.bin"})
        assert fetched.content == b"x" * 10
        assert "attachment" in fetched.headers["content-disposition"]
        assert server.ask("GET", address).status == 400
        for bad in ("../a", "/etc/passwd", "data/../../MLmodel"):
            assert server.ask("GET", address, query={"artifact_file_path": bad}).status == 400
    # As a client asks that looks for a model at the place where models of MLflow 2 were.
    assert get(server, f"mlflow-artifacts:/0/{run_id}/artifacts", "model").status == 404


def test_model_of_no_run_has_a_folder_of_its_own(server: Asked) -> None:
    info = model_of(server)
    uri = info["artifact_uri"]
    assert put(server, uri, "a/MLmodel", b"flavors: {}\n").status == 200
    assert get(server, uri, "a/MLmodel").content == b"flavors: {}\n"
    assert get(server, uri, "a").status == 404
    assert put(server, uri, "large", b"y" * (3 << 20)).status == 200
    assert get(server, uri, "large").content == b"y" * (3 << 20)
    server.made("registered-models/create", name="alone")
    version = server.made(
        "model-versions/create", name="alone", source=f"models:/{info['model_id']}"
    )
    assert version["model_version"]["model_id"] == info["model_id"]
    told = server.get("model-versions/get-download-uri", name="alone", version="1").json
    assert told["artifact_uri"] == uri
    query = {"name": "alone", "version": "1", "path": "a/MLmodel"}
    found = server.ask("GET", "/model-versions/get-artifact", query=query)
    assert found.content == b"flavors: {}\n"
    place = f"{FILES}/{uri.removeprefix('mlflow-artifacts:/')}"
    assert server.ask("DELETE", f"{place}/a").status == 200
    assert server.ask("DELETE", f"{place}/a").status == 404


def test_model_is_reached_through_its_own_experiment_alone(server: Asked) -> None:
    other = server.made("experiments/create", name="other")["experiment_id"]
    info = model_of(server)
    elsewhere = info["artifact_uri"].replace(":/0/", f":/{other}/")
    assert put(server, elsewhere, "x", b"x").status == 404
    assert put(server, info["artifact_uri"], "../x", b"x").status == 400
    assert put(server, info["artifact_uri"], "%2e%2e/x", b"x").status == 400
    assert get(server, f"mlflow-artifacts:/0/models/m-{'0' * 32}/artifacts", "x").status == 404
    found = server.post("logged-models/search", experiment_ids=[other]).json
    assert found == {"models": []}
    assert len(server.made("logged-models/search", experiment_ids=["0", other])["models"]) == 1


def test_status_comes_by_name_or_number(server: Asked) -> None:
    model_id = model_of(server)["model_id"]
    for given, told in (
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        (3, "LOGGED_MODEL_UPLOAD_FAILED"),
        ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_PENDING"),
        (2, "LOGGED_MODEL_READY"),
    ):
        reply = send(server, "PATCH", f"logged-models/{model_id}", status=given)
        assert reply.json["model"]["info"]["status"] == told
    for wrong in ("READY", 9, 0, None, [1]):
        assert send(server, "PATCH", f"logged-models/{model_id}", status=wrong).status == 400


def test_deleted_model_is_shown_to_those_who_ask_for_it(server: Asked) -> None:
    model_id = model_of(server, tags=[{"key": "k", "value": "v"}])["model_id"]
    path = f"logged-models/{model_id}"
    assert send(server, "DELETE", path).json == {}
    assert server.get(path).status == 404
    assert server.get(path, allow_deleted="true").json["model"]["info"]["model_id"] == model_id
    for method, below, body in (
        ("DELETE", "", {}),
        ("PATCH", "", {"status": 2}),
        ("PATCH", "/tags", {"tags": [{"key": "a", "value": "b"}]}),
        ("DELETE", "/tags/k", {}),
        ("POST", "/params", {"params": [{"key": "a", "value": "b"}]}),
    ):
        assert send(server, method, path + below, **body).code == "RESOURCE_DOES_NOT_EXIST", below
    assert server.made("logged-models/search", experiment_ids=["0"]) == {"models": []}


def test_best_model_on_a_dataset_is_found_first(server: Asked) -> None:
    run_id = server.run()
    ids = [model_of(server, name=f"n{n}", source_run_id=run_id)["model_id"] for n in range(3)]
    for value, model_id in enumerate(ids):
        for dataset, sign in (("train", 1), ("test", -1)):
            server.made(
                "runs/log-metric", run_id=run_id, key="a.b", value=sign * value, timestamp=value + 1,
                model_id=model_id, dataset_name=dataset, dataset_digest="d",
            )  # fmt: skip
    for dataset, expected in (("train", ids[::-1]), ("test", ids)):
        order = {"field_name": "metrics.a.b", "ascending": False, "dataset_name": dataset}
        found = server.made("logged-models/search", experiment_ids=["0"], order_by=[order])
        assert [one["info"]["model_id"] for one in found["models"]] == expected
    page = server.made(
        "logged-models/search", experiment_ids=["0"], filter="metrics.`a.b` >= 1", datasets=[{"dataset_name": "train"}]
    )  # fmt: skip
    assert {one["info"]["model_id"] for one in page["models"]} == set(ids[1:])
    shown = page["models"][0]["data"]["metrics"]
    assert {(one["dataset_name"], one["dataset_digest"]) for one in shown} == {
        ("train", "d"),
        ("test", "d"),
    }


def test_mistake_is_told_as_one(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    for path, body, status in (
        ("logged-models", {}, 400),
        ("logged-models", {"experiment_id": "77"}, 404),
        ("logged-models", {"experiment_id": "0", "name": "a/b"}, 400),
        ("logged-models", {"experiment_id": "0", "name": "..", "source_run_id": run_id}, 400),
        ("logged-models", {"experiment_id": "0", "source_run_id": "0" * 32}, 404),
        ("logged-models", {"experiment_id": "0", "params": [{"value": "x"}]}, 400),
        ("logged-models/search", {}, 400),
        ("logged-models/search", {"experiment_ids": ["0"], "filter": "a = b"}, 400),
        ("logged-models/search", {"experiment_ids": ["0"], "order_by": [{}]}, 400),
        ("logged-models/search", {"experiment_ids": ["0"], "datasets": [{}]}, 400),
        ("logged-models/search", {"experiment_ids": ["0"], "page_token": "x"}, 400),
        ("logged-models/search", {"experiment_ids": "0"}, 400),
    ):
        assert server.post(path, **body).status == status, (path, body)
    assert workspace.logged_models.of_experiment("0") == []


def test_models_are_told_where_to_write_by_themselves(workspace: Workspace) -> None:
    with Asked(workspace, Options(artifacts="direct")) as server:
        info = model_of(server)
        assert info["artifact_uri"].startswith(workspace.store.url)
        assert put(server, info["artifact_uri"], "x", b"x").status == 404
