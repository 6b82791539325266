"""The registry by MLflow's protocol: gates are obeyed, changes say who asked, and old clients are understood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import API, Asked, Reply

from stageline.registry import MetricRule, Policy
from stageline.server.caller import Caller, Grant
from stageline.workspace import Workspace


def send(server: Asked, method: str, path: str, **body: Any) -> Reply:
    return server.ask(method, API + path, json.dumps(body).encode())


def version_of(server: Asked, name: str = "wine", **more: Any) -> Any:
    """A new version, of a new model if need be."""
    server.post("registered-models/create", name=name)
    made = server.made("model-versions/create", name=name, source="s3://models/1", **more)
    return made["model_version"]


class Known:
    """A middleware that knows everybody, as the sign-in does."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["caller"] = Caller("eve", [Grant(frozenset({"admin"}))])
        await self._app(scope, receive, send)


def test_change_is_in_the_name_of_who_asks(workspace: Workspace) -> None:
    server = Asked(workspace)
    server.app.add_middleware(Known)
    with server:
        version_of(server)
        server.made("model-versions/transition-stage", name="wine", version="1", stage="staging")
        server.made("webhooks", name="w", url="https://8.8.8.8/x", events=[CREATED])
    assert {entry.actor for entry in workspace.registry.history("wine")} == {"eve"}
    assert workspace.registry.get_version("wine", 1).user_id == "eve"
    assert workspace.webhooks._book.read().actor == "eve"


CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}


def test_gate_refuses_with_the_number_of_the_request(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    server.made("runs/log-metric", run_id=run_id, key="rmse", value=0.9, timestamp=1)
    version_of(server, run_id=run_id)
    rule = MetricRule(condition="metrics.rmse < 0.5")
    workspace.registry.set_policy("wine", "Production", Policy(rules=(rule,)))
    move = {"name": "wine", "version": "1", "stage": "Production"}
    refused = server.post("model-versions/transition-stage", **move)
    assert (refused.status, refused.code) == (403, "PERMISSION_DENIED")
    assert "request 1" in refused.json["message"]
    assert workspace.registry.get_request("wine", 1).status == "refused"
    server.made("runs/log-metric", run_id=run_id, key="rmse", value=0.2, timestamp=2)
    moved = server.made("model-versions/transition-stage", **move)["model_version"]
    assert moved["current_stage"] == "Production"


def test_move_that_waits_for_approval_is_refused_by_the_route(
    server: Asked, workspace: Workspace
) -> None:
    version_of(server)
    workspace.registry.set_policy("wine", "Production", Policy(approvals=1))
    move = {"name": "wine", "version": "1", "stage": "Production"}
    refused = server.post("model-versions/transition-stage", **move)
    assert (refused.status, refused.code) == (403, "PERMISSION_DENIED")
    assert "approvals" in refused.json["message"]
    assert server.get("model-versions/get", name="wine", version="1").json["model_version"][
        "current_stage"
    ] == "None"  # fmt: skip


@pytest.mark.parametrize(
    "prefix", ["/api/2.0/preview/mlflow/", "/ajax-api/2.0/mlflow/", "/api/3.0/mlflow/"]
)
def test_latest_versions_are_asked_for_in_older_ways_too(server: Asked, prefix: str) -> None:
    version_of(server)
    server.made("model-versions/transition-stage", name="wine", version=1, stage="Production")
    version_of(server)
    path = f"{prefix}registered-models/get-latest-versions"
    query = {"name": "wine", "stages": ["Production", "None"]}
    asked = server.ask("GET", path, query=query)
    posted = server.ask("POST", path, json.dumps(query).encode())
    assert asked.json == posted.json
    assert {one["version"] for one in asked.json["model_versions"]} == {"1", "2"}
    whole = server.ask("POST", path, json.dumps(json.dumps({"name": "wine"})).encode())
    assert len(whole.json["model_versions"]) == 2
    assert server.ask("GET", path, query={"name": "wine", "stages": "Archived"}).json == {}


def test_search_goes_on_where_a_page_ended(server: Asked) -> None:
    for number in range(5):
        version_of(server, f"m{number}")
    found: list[str] = []
    token = None
    while True:
        query = {
            "max_results": 2,
            "order_by": ["name DESC"],
            **({"page_token": token} if token else {}),
        }
        page = server.get("registered-models/search", **query).json
        found += [one["name"] for one in page["registered_models"]]
        token = page.get("next_page_token")
        if token is None:
            break
    assert found == ["m4", "m3", "m2", "m1", "m0"]
    clause = "tag.`mlflow.prompt.is_prompt` != 'true' AND name = 'm3'"
    page = server.get("registered-models/search", filter=clause).json
    assert [one["name"] for one in page["registered_models"]] == ["m3"]
    assert server.get("model-versions/search", page_token="zz").code == "INVALID_PARAMETER_VALUE"
    assert server.get("model-versions/search", max_results=200_001).status == 400


def test_what_is_not_given_to_a_version_stays(server: Asked) -> None:
    version_of(server, description="red", tags=[{"key": "k", "value": "v"}])
    same = send(server, "PATCH", "model-versions/update", name="wine", version="1").json
    assert same["model_version"]["description"] == "red"
    new = send(server, "PATCH", "model-versions/update", name="wine", version="1", description="")
    assert new.json["model_version"]["description"] == ""
    assert new.json["model_version"]["tags"] == [{"key": "k", "value": "v"}]


def test_tags_that_say_where_a_version_came_from_are_no_users(server: Asked) -> None:
    made = version_of(server)
    assert "tags" not in made
    own = {"name": "wine", "version": "1", "key": "stageline.mlflow.source"}
    assert server.post("model-versions/set-tag", **own, value="x").status == 400
    assert send(server, "DELETE", "model-versions/delete-tag", **own).status == 400
    tags = [{"key": "stageline.mlflow.model_id", "value": "m-1"}]
    refused = server.post("model-versions/create", name="wine", source="s3://x", tags=tags)
    assert refused.status == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "registered-models/create", {}),
        ("POST", "registered-models/create", {"name": 5, "tags": "x"}),
        ("POST", "registered-models/create", {"name": "x", "tags": [{"value": "v"}]}),
        ("PATCH", "registered-models/update", {"description": "d"}),
        ("POST", "registered-models/rename", {"name": "wine"}),
        ("DELETE", "registered-models/delete", {}),
        ("POST", "registered-models/set-tag", {"name": "wine", "key": "k"}),
        ("POST", "registered-models/alias", {"name": "wine", "alias": "a"}),
        ("POST", "registered-models/alias", {"name": "wine", "alias": "latest", "version": "1"}),
        ("POST", "registered-models/alias", {"name": "wine", "alias": "v12", "version": "1"}),
        ("POST", "model-versions/create", {"name": "wine"}),
        ("POST", "model-versions/transition-stage", {"name": "wine", "version": "1"}),
        ("POST", "model-versions/transition-stage", {"name": "wine", "version": "x", "stage": "Staging"}),
        ("POST", "model-versions/transition-stage", {"name": "wine", "version": "1", "stage": "Prod"}),
        ("DELETE", "model-versions/delete", {"name": "wine", "version": "-1"}),
        ("PATCH", "model-versions/update", {"name": "wine", "version": [1]}),
    ],
)  # fmt: skip
def test_mistake_is_told_as_one(
    server: Asked, workspace: Workspace, method: str, path: str, body: Any
) -> None:
    version_of(server)
    before = len(workspace.registry.history("wine"))
    refused = send(server, method, path, **body)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE"), refused
    assert len(workspace.registry.history("wine")) == before


def test_what_is_not_there_is_404(server: Asked) -> None:
    version_of(server)
    for path, query in (
        ("registered-models/get", {"name": "nobody"}),
        ("registered-models/alias", {"name": "wine", "alias": "nobody"}),
        ("model-versions/get", {"name": "wine", "version": "7"}),
        ("model-versions/get-download-uri", {"name": "nobody", "version": "1"}),
    ):
        missing = server.get(path, **query)
        assert (missing.status, missing.code) == (404, "RESOURCE_DOES_NOT_EXIST"), missing
    found = server.get("model-versions/get", name="wine", version="7").json["message"]
    assert found.startswith("Model Version (name=wine, version=7) not found")
    found = server.get("registered-models/get", name="nobody").json["message"]
    assert found.startswith("Registered Model with name=nobody not found")
