"""Sources of versions: this store's files by each of their names, places elsewhere, and never a path of the server."""

from __future__ import annotations

from typing import Any

import pytest
from asking import Asked

from stageline.server.caller import Caller, Grant
from stageline.server.options import Options
from stageline.workspace import Workspace

MLMODEL = b"flavors: {}\n"


def file_of(server: Asked, run_id: str, path: str = "model/MLmodel") -> None:
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{path}"
    assert server.ask("PUT", place, MLMODEL, headers={"content-type": "text/plain"}).status == 200


def registered(server: Asked, source: str, **more: Any) -> Any:
    server.post("registered-models/create", name="wine")
    made = server.made("model-versions/create", name="wine", source=source, **more)
    return made["model_version"]


def uri_of(server: Asked, version: Any) -> Any:
    named = {"name": version["name"], "version": version["version"]}
    return server.get("model-versions/get-download-uri", **named).json["artifact_uri"]


def test_each_name_of_a_runs_folder_is_the_same_folder(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    file_of(server, run_id)
    where = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    sources = [
        where,
        f"mlflow-artifacts://host:5000/0/{run_id}/artifacts/model/",
        f"http://host:5000/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model",
        f"runs:/{run_id}/model",
        f"{workspace.store.url}/runs/{run_id}/artifacts/model",
        f"file://{workspace.store.url}/runs/{run_id}/artifacts/model",
        "models:/wine/1",
    ]
    for number, source in enumerate(sources, 1):
        version = registered(server, source, run_id=run_id)
        assert (version["source"], version["run_id"]) == (source, run_id)
        assert uri_of(server, version) == where
        ours = workspace.registry.get_version("wine", number)
        assert (ours.run_id, ours.artifact_path) == (run_id, "model")
        assert ours.facts.digest
    files = server.ask(
        "GET",
        "/model-versions/get-artifact",
        query={"name": "wine", "version": "5", "path": "MLmodel"},
    )
    assert (files.status, files.content) == (200, MLMODEL)
    assert "attachment" in files.headers["content-disposition"]


def test_clients_that_write_by_themselves_are_told_the_store(workspace: Workspace) -> None:
    with Asked(workspace, Options(artifacts="direct")) as server:
        run_id = server.run()
        workspace.artifacts(run_id).log_bytes(MLMODEL, "model/MLmodel")
        root = server.found(run_id)["info"]["artifact_uri"]
        version = registered(server, f"{root}/model", run_id=run_id)
        assert uri_of(server, version) == f"{root}/model"
        made = server.made("logged-models", experiment_id="0", name="net", source_run_id=run_id)
        assert made["model"]["info"]["artifact_uri"] == f"{root}/net"


def test_place_elsewhere_is_kept_as_an_address(server: Asked, workspace: Workspace) -> None:
    for source in (
        "s3://models/wine",
        "gs://b/m",
        "dbfs:/m",
        "hdfs://h:1/m",
        "https://h/m.zip?v=1",
    ):
        version = registered(server, source)
        assert (version["source"], uri_of(server, version)) == (source, source)
    query = {"name": "wine", "version": "1", "path": "MLmodel"}
    refused = server.ask("GET", "/model-versions/get-artifact", query=query)
    assert refused.status == 404
    assert workspace.registry.get_version("wine", 1).run_id is None


@pytest.mark.parametrize(
    "source",
    [
        # Each was a way around a check of MLflow's, by the CVE that is named or a near relation of it.
        "/etc",  # CVE-2023-1177
        "file:///etc",
        "file:/etc",
        "FILE:///etc",
        "file://localhost/etc",
        "file:etc",
        "./here",
        "here",
        "C:\\Windows",
        "\\\\host\\share",
        "//host/share",
        "///etc",  # CVE-2023-6977: what is no local URI to one reader, and one to another
        "http:///api/2.0/mlflow-artifacts/artifacts/../../../../etc",
        "https://h/api/2.0/mlflow-artifacts/artifacts/0/%2e%2e/%2e%2e/etc",
        "mlflow-artifacts:/0/run/artifacts/../../../x",
        "mlflow-artifacts:/0/run/artifacts/%2e%2e/x",
        "mlflow-artifacts:/0/run/artifacts/%252e%252e%252fx",
        "mlflow-artifacts://h/..%2f..%2fetc",
        "s3://b/../x",
        "s3://b/%2e%2e%2fx",
        "s3://b/%25252e%25252e%25252fx",
        "http://host/path#/../../../etc",  # CVE-2024-1483
        "http://host/path?/../../../etc",
        "s3://b/x\\..\\y",
        "s3://b/x%00",
        "s3://b/x\x00",
        "file:///etc#/artifacts",
        " ",
        "runs:/../model",
        "runs:/%2e%2e/model",
        "models:/../1",
        "models:m-1",
        "models://m-1",
        "runs:model",
    ],
)
def test_path_of_a_disk_or_out_of_a_folder_is_refused(
    server: Asked, workspace: Workspace, source: str
) -> None:
    server.made("registered-models/create", name="wine")
    run_id = server.run()
    for given in ({}, {"run_id": run_id}):
        refused = server.post("model-versions/create", name="wine", source=source, **given)
        assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE"), refused
    assert workspace.registry.versions("wine") == []


def test_files_of_another_run_or_model_are_refused(server: Asked) -> None:
    server.made("registered-models/create", name="wine")
    run_id, other = server.run(), server.run()
    file_of(server, run_id)
    elsewhere = server.made("experiments/create", name="else")["experiment_id"]
    models = [
        server.made("logged-models", experiment_id="0", name=f"n{n}", source_run_id=run_id)["model"]["info"]["model_id"]
        for n in range(2)
    ]  # fmt: skip
    for source, given, status in (
        (f"mlflow-artifacts:/0/{run_id}/artifacts/model", {"run_id": other}, 400),
        (f"mlflow-artifacts:/{elsewhere}/{run_id}/artifacts/model", {"run_id": run_id}, 404),
        (f"mlflow-artifacts:/0/{run_id}/artifacts", {"run_id": run_id}, 400),
        ("mlflow-artifacts:/", {"run_id": run_id}, 400),
        (f"mlflow-artifacts:/0/{'0' * 32}/artifacts/model", {}, 404),
        (f"runs:/{run_id}/model", {"run_id": other}, 400),
        (f"runs:/{run_id}/nothing", {"run_id": run_id}, 404),
        (f"models:/{models[0]}", {"run_id": other}, 400),
        (f"models:/{models[0]}", {"model_id": models[1]}, 400),
        (f"mlflow-artifacts:/0/models/{models[0]}/artifacts", {"model_id": models[1]}, 400),
        (f"mlflow-artifacts:/{elsewhere}/models/{models[0]}/artifacts", {}, 404),
        (f"models:/m-{'0' * 32}", {}, 404),
        ("models:/nobody/1", {}, 404),
        ("s3://b/x", {"run_id": "0" * 32}, 404),
        ("s3://b/x", {"model_id": "m-" + "0" * 32}, 404),
    ):
        refused = server.post("model-versions/create", name="wine", source=source, **given)
        assert refused.status == status, (source, given, refused)
    assert server.get("model-versions/search").json == {"model_versions": []}


def test_registered_model_may_be_called_like_a_logged_one(server: Asked) -> None:
    server.made("registered-models/create", name="m-1")
    server.made("model-versions/create", name="m-1", source="s3://b/x")
    server.made("registered-models/create", name="wine")
    made = server.made("model-versions/create", name="wine", source="models:/m-1/1")
    assert uri_of(server, made["model_version"]) == "s3://b/x"


class Limited:
    """A middleware that lets in somebody who may read one experiment and all models."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            grant = Grant(frozenset({"write"}), experiments=("mine",))
            scope.setdefault("state", {})["caller"] = Caller("eve", [grant])
        await self._app(scope, receive, send)


def test_what_a_source_turns_out_to_be_is_the_callers_to_read(workspace: Workspace) -> None:
    with Asked(workspace) as server:
        mine = server.made("experiments/create", name="mine")["experiment_id"]
        runs = {where: server.run(where) for where in ("0", mine)}
        models = {
            where: server.made("logged-models", experiment_id=where)["model"]["info"]["model_id"]
            for where in runs
        }
        server.made("registered-models/create", name="wine")
        for run_id in runs.values():
            workspace.artifacts(run_id).log_bytes(MLMODEL, "model/MLmodel")
        registered(server, f"runs:/{runs['0']}/model")
    limited = Asked(workspace)
    limited.app.add_middleware(Limited)
    with limited as server:
        for where, status in (("0", 403), (mine, 200)):
            for source in (
                f"runs:/{runs[where]}/model",
                f"mlflow-artifacts:/{where}/{runs[where]}/artifacts/model",
                f"http://h/api/2.0/mlflow-artifacts/artifacts/{where}/{runs[where]}/artifacts/model",
                f"{workspace.store.url}/runs/{runs[where]}/artifacts/model",
                f"models:/{models[where]}",
                f"mlflow-artifacts:/{where}/models/{models[where]}/artifacts",
            ):
                asked = server.post("model-versions/create", name="wine", source=source)
                assert asked.status == status, (source, asked)
        copied = server.post("model-versions/create", name="wine", source="models:/wine/1")
        assert copied.status == 200, copied


def test_prompt_is_registered_by_its_tags(server: Asked) -> None:
    tags = [
        {"key": "mlflow.prompt.is_prompt", "value": "true"},
        {"key": "mlflow.prompt.text", "value": "hi"},
    ]
    server.made("registered-models/create", name="greet", tags=tags[:1])
    made = server.made("model-versions/create", name="greet", source="prompt-template", tags=tags)
    assert made["model_version"]["source"] == "prompt-template"
    plain = server.post("model-versions/create", name="greet", source="prompt-template")
    assert plain.status == 400
