"""Published ways past a server's guard, or to keep it busy, tried on this one: twisted paths, methods, sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from asking import API, Asked
from knocking import Knocking, Who

from stageline.server.options import Limits, Options
from stageline.workspace import Workspace


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        yield knocking


@pytest.fixture
def root(server: Knocking) -> Who:
    return server.who("admin", name="root")


# -- 9. the guard itself ----------------------------------------------------------------------------------

TWISTED = [
    "/api//2.0/mlflow/runs/get", "//api/2.0/mlflow/runs/get", "/API/2.0/mlflow/runs/get",
    "/api/2.0/mlflow/runs/get/", "/api/2.0/mlflow/runs/get;x",
    "/api/2.0/mlflow/runs/get%20", "/api/2.0/mlflow/./runs/get", "/health/../api/2.0/mlflow/runs/get",
    "/health/..%2fapi/2.0/mlflow/runs/get",
    "/health;/api/2.0/mlflow/runs/get", "/api/2.0/mlflow%2fruns/get", "/api/2.0/mlflow/runs%2fget",
    "/static/../api/2.0/mlflow/runs/get",
    "/version/../get-artifact", "/health%00", "/health/", "/HEALTH", "/health.json", "/get-artifact/",
    "//get-artifact", "/get-artifact;.css",
    "/ajax-api/2.0/mlflow/runs/get", "/api/2.1/mlflow/runs/get", "/sign-in/../experiments",
    "/sign-in;/experiments", "/api/stageline/1/../1/models",
    "/api/stageline/1//models", "/api/stageline/1", "/metrics", "/metrics/", "/static/x/../../experiments", "/",
    "", "*",
    "http://127.0.0.1/health", "/\u0000", "/api/2.0/mlflow/runs/get\n",
    "/api/2.0/mlflow-artifacts/artifacts/../../mlflow/runs/get", "/v1/traces",
]  # fmt: skip


@pytest.mark.parametrize("path", TWISTED)
def test_no_spelling_of_a_path_goes_past_the_sign_in(
    server: Knocking, root: Who, path: str
) -> None:
    run_id = root.run("0")
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "X"):
        for more in (
            {},
            {"x-original-url": "/health"},
            {"x-rewrite-url": "/health"},
            {"x-http-method-override": "GET"},
        ):
            reply = server.nobody.ask(
                method, path, query={"run_id": run_id, "path": "x"}, headers=more
            )
            assert reply.status in (401, 303), (method, path, reply)
            assert run_id.encode() not in reply.content
    limited = server.who("read", experiments=["none"], models=["none"])
    reply = limited.ask("GET", path, query={"run_id": run_id, "path": "x"})
    assert b"artifact_uri" not in reply.content, reply
    assert reply.status < 500 or reply.status == 501, reply


def test_method_that_is_not_meant_does_nothing(server: Knocking, root: Who) -> None:
    reader = server.who("read")
    run_id = root.run("0")
    body = json.dumps({"run_id": run_id}).encode()
    for method in ("GET", "PUT", "HEAD", "OPTIONS", "delete", "post"):
        reply = reader.ask(
            method, f"{API}runs/delete", body, headers={"x-http-method-override": "POST"}
        )
        assert reply.status in (403, 405), reply
    assert root.get("runs/get", run_id=run_id).json["run"]["info"]["lifecycle_stage"] == "active"


def test_there_are_no_default_credentials(server: Knocking) -> None:
    from knocking import basic

    for user, password in (
        ("admin", "password1234"),
        ("admin", "password"),
        ("admin", ""),
        ("", ""),
        ("stageline", "stageline"),
    ):
        assert (
            Who(server, basic(user, password)).get("experiments/get", experiment_id="0").status
            == 401
        )


# -- 10. one request does not hold a worker ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs/search", {"filter": " AND ".join(["metrics.m > 1"] * 10_000)}),
        ("runs/search", {"filter": "(" * 50_000}),
        ("runs/search", {"filter": "params.p = '" + "a" * 1_000_000 + "'"}),
        ("runs/search", {"order_by": ["metrics.m"] * 10_000}),
        ("runs/search", {"experiment_ids": ["1"] * 20_000}), ("runs/search", {"max_results": 10**9}),
        ("runs/search", {"page_token": "9" * 100_000}),
        ("runs/create", {"tags": [{"key": "k", "value": "v"}] * 20_000}),
        ("experiments/create", {"name": "x" * 100_000}),
        ("experiments/search", {"filter": "name = '" + "x" * 100_000 + "'", "max_results": 1}),
        ("runs/log-batch", {"metrics": [{"key": "k"}] * 20_000}),
        ("logged-models/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "name"}] * 20_000}),
        ("registered-models/create", {"name": "x", "tags": [{"key": "k", "value": "v"}] * 20_000}),
        ("registered-models/search", {"filter": " AND ".join(["name = 'x'"] * 10_000)}),
    ],
)  # fmt: skip
def test_request_for_too_much_is_refused(workspace: Workspace, path: str, body: dict) -> None:  # type: ignore[type-arg]
    with Asked(workspace) as server:
        reply = server.post(path, **body)
        assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE"), reply
        assert len(reply.content) < 10_000


def test_answer_that_takes_too_long_is_given_up(workspace: Workspace) -> None:
    import threading

    from stageline.server.endpoint import Call, Endpoint, Nothing

    over = threading.Event()

    def slow(call: Call, ask: Nothing) -> None:
        over.wait(30)

    endpoints = (Endpoint("GET", "slow", Nothing, slow), Endpoint("POST", "slow", Nothing, slow))
    with Asked(workspace, Options(limits=Limits(answer_timeout_s=0.05)), endpoints) as server:
        try:
            assert server.get("slow").status == 400
            assert server.post("slow").status == 503
        finally:
            over.set()
