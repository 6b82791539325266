"""What the server says to requests that it does not take: a client's mistake is never 5xx, nor told with internals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asking import API, Asked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stageline.errors import (
    REACTIONS,
    Conflict,
    Corrupt,
    InvalidInput,
    NotAllowed,
    NotFound,
    StorageFailed,
)
from stageline.server.app import REGISTRY, TRACKING
from stageline.server.endpoint import Call, Endpoint, Nothing
from stageline.server.failures import TABLE, Refused, answer_to
from stageline.server.options import Limits, Options
from stageline.workspace import Workspace


def test_every_error_of_ours_has_words_of_mlflow() -> None:
    assert all(any(known in cls.__mro__ for known in TABLE) for cls in REACTIONS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("x"), 400, "INVALID_PARAMETER_VALUE"),
        (NotFound("x"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (Conflict("x"), 409, "RESOURCE_CONFLICT"),
        (NotAllowed("x"), 403, "PERMISSION_DENIED"),
        (StorageFailed("x"), 503, "TEMPORARILY_UNAVAILABLE"),
        (Corrupt("x"), 500, "DATA_LOSS"),
        (KeyError("x"), 500, "INTERNAL_ERROR"),
        (Refused(429, "REQUEST_LIMIT_EXCEEDED", "x"), 429, "REQUEST_LIMIT_EXCEEDED"),
    ],
)
def test_errors_are_told_by_one_table(error: Exception, status: int, code: str) -> None:
    answer = answer_to(error)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (status, code)


@pytest.mark.parametrize(
    "error", [StorageFailed("s3://b/secret"), Corrupt("/var/secret"), KeyError("secret")]
)
def test_trouble_of_ours_is_told_without_internals(error: Exception) -> None:
    assert b"secret" not in answer_to(error).body


def test_place_of_the_store_is_cut_out_of_messages() -> None:
    body = answer_to(NotFound("Run with id=1 not found in /srv/store: look"), ["/srv/store"]).body
    assert json.loads(body)["message"] == "Run with id=1 not found: look"


def test_path_that_does_not_exist_is_404_and_wrong_method_405(server: Asked) -> None:
    assert server.get("runs/nothing").code == "ENDPOINT_NOT_FOUND"
    assert server.get("runs/nothing").status == 404
    wrong = server.get("runs/create")
    assert (wrong.status, wrong.json["message"]) == (405, "GET is not allowed here: use POST")
    assert server.ask("POST", "/api/2.0/mlflow-artifacts/artifacts").status == 405


@pytest.mark.parametrize("prefix", ["/api/2.0/", "/ajax-api/2.0/", "/api/3.0/", "/ajax-api/3.0/"])
def test_paths_are_answered_under_each_prefix(server: Asked, prefix: str) -> None:
    reply = server.ask("GET", f"{prefix}mlflow/experiments/get", query={"experiment_id": "0"})
    assert reply.json["experiment"]["name"] == "Default"


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/traces",
        "/api/3.0/mlflow/traces/search",
        "/v1/traces",
        "/api/3.0/mlflow/traces:batchGet",
    ],
)
def test_traces_are_501(server: Asked, path: str) -> None:
    reply = server.ask("POST", path, b"{}")
    assert (reply.status, reply.code) == (501, "NOT_IMPLEMENTED")


def test_health_version_and_server_info_are_told(server: Asked) -> None:
    assert server.ask("GET", "/health").content == b"OK"
    assert server.ask("GET", "/version").content == b"3.17.2"
    info = server.ask("GET", "/api/3.0/mlflow/server-info").json
    assert (info["artifact_serving_enabled"], info["workspaces_enabled"]) == (True, False)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"5",
        b'"{"',
        b"\xff",
        b'{"run_id": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_body_that_is_no_object_is_400(server: Asked, body: bytes) -> None:
    reply = server.ask("POST", f"{API}runs/log-metric", body)
    assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_body_has_to_say_that_it_is_json(server: Asked, kind: str) -> None:
    reply = server.ask(
        "POST", f"{API}experiments/create", b'{"name": "x"}', headers={"content-type": kind}
    )
    assert reply.status == 400
    assert "application/json" in reply.json["message"]


def test_body_that_is_too_long_is_413(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(max_bytes=100, large_bytes=50))) as server:
        for body in (b" " * 101, [b" " * 60, b" " * 60]):
            reply = server.ask("POST", f"{API}runs/log-batch", body)
            assert (reply.status, reply.headers["connection"]) == (413, "close")


def test_request_beyond_those_that_are_taken_is_429(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(concurrency=0))) as server:
        reply = server.get("experiments/get", experiment_id="0")
        assert (reply.status, reply.headers["retry-after"]) == (429, "1")


def test_page_of_another_site_is_refused(workspace: Workspace) -> None:
    with Asked(workspace, Options(hosts=())) as server:
        for headers in ({"host": "evil.com"}, {"origin": "http://evil.com"}):
            reply = server.ask("GET", "/health", headers=headers)
            assert (reply.status, reply.code) == (403, "PERMISSION_DENIED")
        assert server.ask("GET", "/health", headers={"host": "localhost:5000"}).status == 200


def test_endpoints_of_others_are_found_by_their_patterns(workspace: Workspace) -> None:
    import msgspec

    class Model(msgspec.Struct):
        model_id: str = ""
        key: str = ""

    def delete_tag(call: Call, ask: Model) -> dict[str, Any]:
        return {"found": [ask.model_id, ask.key]}

    more = (
        Endpoint("DELETE", "logged-models/{model_id}/tags/{key}", Model, delete_tag),
        Endpoint("GET", "logged-models/{model_id}", Nothing, lambda call, ask: None),
    )
    with Asked(workspace, endpoints=more) as server:
        reply = server.ask("DELETE", f"{API}logged-models/m-1/tags/k%20x")
        assert reply.json == {"found": ["m-1", "k x"]}
        assert server.ask("PUT", f"{API}logged-models/m-1").status == 405
        assert server.get("logged-models/m-1").json == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ALL = [*TRACKING, *REGISTRY]
WRITES = [one for one in ALL if one.method != "GET"]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_body_makes_the_server_fail(server: Asked, data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from(WRITES))
    fields = [*endpoint.ask.__struct_fields__, "x"]
    known = st.sampled_from(["0", "m", 1, "active", True])
    body = data.draw(st.dictionaries(st.sampled_from(fields), JSON | known))
    path = API + _filled(endpoint.path, data)
    reply = server.ask(endpoint.method, path, json.dumps(body).encode())
    assert reply.status in (200, 400, 403, 404, 409), (endpoint.path, body, reply)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_query_makes_the_server_fail(server: Asked, data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from([one for one in ALL if one.method == "GET"]))
    fields = [*endpoint.ask.__struct_fields__, "x"]
    text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
    query = data.draw(st.dictionaries(st.sampled_from(fields), text | st.just("0")))
    reply = server.ask("GET", API + _filled(endpoint.path, data), query=query)
    assert reply.status in (200, 400, 403, 404, 409), (endpoint.path, query, reply)


def _filled(pattern: str, data: st.DataObject) -> str:
    """A path of the pattern, whatever stands for its names."""
    names = st.sampled_from(["m-" + "0" * 32, "..", "%2e%2e", "a%00b", "x", "%25", "ü"])
    return "/".join(data.draw(names) if part[:1] == "{" else part for part in pattern.split("/"))
