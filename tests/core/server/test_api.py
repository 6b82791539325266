"""`/api/stageline/1`: what it answers, in whose name it acts, and what it says to requests that it does not take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asking import Asked, Reply

from stageline.domain.run import Attempt, RunStatus
from stageline.server.api.app import PREFIX
from stageline.server.api.bodies import MAX_BYTES
from stageline.server.caller import Caller, Grant
from stageline.server.options import Limits, Options
from stageline.settings import Settings
from stageline.storage.local import LocalStore
from stageline.testing.clock import FixedClock
from stageline.workspace import Workspace


def get(server: Asked, path: str, /, **query: Any) -> Reply:
    return server.ask("GET", PREFIX + path, query=query)


def send(server: Asked, path: str, /, method: str = "POST", **body: Any) -> Reply:
    return server.ask(method, PREFIX + path, json.dumps(body).encode())


@pytest.fixture
def wine(server: Asked, workspace: Workspace) -> Asked:
    """A server that knows a model of two versions."""
    for number in (1, 2):
        workspace.registry.register("wine", source=f"s3://models/{number}")
    return server


def test_models_and_versions_are_read_in_pages(wine: Asked, workspace: Workspace) -> None:
    workspace.registry.register("beer", source="s3://models/3")
    first = get(wine, "/models", max_results=1).json
    assert [one["name"] for one in first["models"]] == ["beer"]
    rest = get(wine, "/models", max_results=1, page_token=first["next_page_token"]).json
    assert [one["name"] for one in rest["models"]] == ["wine"]
    assert rest["next_page_token"] is None
    assert [v["version"] for v in get(wine, "/models/wine/versions").json["versions"]] == [1, 2]
    assert get(wine, "/models/wine/versions/2").json["source"] == "s3://models/2"
    assert get(wine, "/models", filter="name LIKE 'w%'").json["models"][0]["name"] == "wine"


def test_model_is_told_as_it_stood_at_a_date(tmp_path: Path) -> None:
    clock = FixedClock(1_000)
    workspace = Workspace(LocalStore(tmp_path / "s"), Settings(cache=str(tmp_path / "c")), clock)
    workspace.registry.register("wine", source="s3://models/1")
    clock.set(2_000)
    workspace.registry.transition("wine", 1, "Staging")
    with Asked(workspace) as server:
        for as_of, stage in ((1_000, "None"), ("1970-01-01T00:00:02Z", "Staging")):
            then = get(server, "/models/wine/versions", as_of=as_of).json["versions"]
            assert then[0]["current_stage"] == stage
            assert get(server, "/models/wine", as_of=as_of).json["name"] == "wine"
        assert get(server, "/models/wine", as_of=999).code == "RESOURCE_DOES_NOT_EXIST"
        assert len(get(server, "/models/wine/history", as_of=1_000).json["entries"]) == 1


def test_history_is_told_in_pages_and_proven(wine: Asked) -> None:
    first = get(wine, "/models/wine/history", max_results=1).json
    token = first["next_page_token"]
    rest = get(wine, "/models/wine/history", max_results=1, page_token=token).json
    assert [one["number"] for one in (*first["entries"], *rest["entries"])] == [1, 2]
    assert "registered version 2" in rest["entries"][0]["summary"]
    proof = get(wine, "/models/wine/proof").json
    assert (proof["is_intact"], proof["head"]) == (True, rest["entries"][0]["digest"])


def test_gate_refuses_with_its_table_and_lets_in_after_approval(wine: Asked) -> None:
    policy = {"approvals": 1, "allow_self_approval": True}
    assert send(wine, "/models/wine/policies/production", "PUT", **policy).status == 200
    refused = send(wine, "/models/wine/transitions", version=1, stage="Production")
    assert (refused.status, refused.code) == (403, "PERMISSION_DENIED")
    assert refused.json["decision"]["results"][0]["rule"] == "approvals"
    assert "POST .../requests" in refused.json["what_to_do"]
    gate = get(wine, "/models/wine/versions/1/gates/Production").json
    assert (gate["allowed"], gate["results"][0]["measured"]) == (False, "0")

    asked = send(wine, "/models/wine/requests", version=1, stage="Production", comment="please")
    assert asked.status == 201
    number = asked.json["number"]
    pending = get(wine, "/requests", status="pending").json["requests"]
    assert [one["number"] for one in pending] == [number]
    answer = send(wine, f"/models/wine/requests/{number}/approve", comment="ok").json
    assert answer["status"] == "approved"
    assert get(wine, "/models/wine/versions/1").json["current_stage"] == "Production"
    again = send(wine, f"/models/wine/requests/{number}/reject")
    assert (again.status, again.code) == (409, "RESOURCE_CONFLICT")


def test_stage_is_given_back(wine: Asked) -> None:
    for version in (1, 2):
        body = {"version": version, "stage": "Production", "archive_existing": True}
        assert send(wine, "/models/wine/transitions", **body).status == 200
    assert send(wine, "/models/wine/rollbacks", stage="Production").json["version"] == 1
    late = {"version": 2, "stage": "Staging", "expected_stage": "Staging"}
    assert send(wine, "/models/wine/transitions", **late).code == "RESOURCE_CONFLICT"


def test_policy_reads_back_as_it_was_set(wine: Asked) -> None:
    rules = [{"rule": "tag", "key": "card"}, {"rule": "signature", "blocks": False}]
    made = send(wine, "/models/wine/policies/Staging", "PUT", rules=rules).json
    assert made == get(wine, "/models/wine/policies/staging").json
    assert made["policy"]["rules"][0] == {
        "rule": "tag",
        "key": "card",
        "value": None,
        "blocks": True,
    }
    listed = get(wine, "/models/wine/policies").json["policies"]
    assert [one["stage"] for one in listed if one["policy"]] == ["Staging"]
    gone = wine.ask("DELETE", f"{PREFIX}/models/wine/policies/Staging").json
    assert gone == {"stage": "Staging", "policy": None}


def test_attempts_of_a_run_and_runs_within_it_are_told(wine: Asked, workspace: Workspace) -> None:
    with workspace.runs.create() as parent:
        parent.note_attempt(
            Attempt(number=1, status=RunStatus.FAILED, start_time=1, end_time=2, reason="boom")
        )
        with workspace.runs.create(parent_run_id=parent.run_id) as child:
            pass
    told = get(wine, f"/runs/{parent.run_id}/attempts").json["attempts"]
    assert (told[0]["status"], told[0]["reason"], told[0]["end_time"]) == ("FAILED", "boom", 2)
    within = get(wine, f"/runs/{parent.run_id}/children").json["runs"]
    assert [one["run_id"] for one in within] == [child.run_id]
    assert within[0]["parent_run_id"] == parent.run_id
    assert get(wine, "/runs/nothing/attempts").status == 404


@pytest.mark.parametrize(
    ("form", "kind", "begins"),
    [
        ("json", "application/json", b'{"format":"stageline.lineage/1"'),
        ("mermaid", "text/plain; charset=utf-8", b"flowchart LR"),
        ("dot", "text/vnd.graphviz; charset=utf-8", b"digraph lineage"),
        ("openlineage", "application/json", b'{"events":[{"eventTime"'),
    ],
)
def test_lineage_is_told_in_each_form(wine: Asked, form: str, kind: str, begins: bytes) -> None:
    found = get(wine, "/lineage", target="models:/wine/1", format=form)
    assert (found.status, found.headers["content-type"]) == (200, kind)
    assert found.content.startswith(begins)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/models/nothing", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("/nothing", 404, "ENDPOINT_NOT_FOUND"),
        ("/models/wine/versions/0", 400, "INVALID_PARAMETER_VALUE"),
        ("/models/wine/versions/x", 400, "INVALID_PARAMETER_VALUE"),
        ("/models/wine/transitions", 405, "BAD_REQUEST"),
        ("/models?page_token=x", 400, "INVALID_PARAMETER_VALUE"),
        ("/models?max_results=0", 400, "INVALID_PARAMETER_VALUE"),
        ("/models/wine?as_of=2026-01-01T00:00:00", 400, "INVALID_PARAMETER_VALUE"),
        ("/events?since=x", 400, "INVALID_PARAMETER_VALUE"),
        ("/lineage", 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_mistakes_are_told_with_what_to_do(wine: Asked, path: str, status: int, code: str) -> None:
    bare, _, query = path.partition("?")
    reply = get(wine, bare, **dict(pair.split("=") for pair in query.split("&") if pair))
    assert (reply.status, reply.code) == (status, code)
    assert reply.json["message"]
    assert reply.json["what_to_do"]
    assert "pydantic" not in reply.content.decode()


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b'{"version": "1"}', b"[" * 9999])
def test_body_that_is_not_what_is_expected_is_400(wine: Asked, body: bytes) -> None:
    reply = wine.ask("POST", f"{PREFIX}/models/wine/transitions", body)
    assert (reply.status, reply.code) == (400, "INVALID_PARAMETER_VALUE")


def test_body_that_is_too_long_is_413(wine: Asked) -> None:
    reply = wine.ask("POST", f"{PREFIX}/models/wine/transitions", [b" " * MAX_BYTES, b" "])
    assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert reply.json["what_to_do"]


def test_history_names_who_was_signed_in(wine: Asked, workspace: Workspace) -> None:
    bob = Caller("bob", [Grant(frozenset({"promote"}), models=("wine",))])
    with signed_in(wine, bob):
        assert send(wine, "/models/wine/transitions", version=1, stage="Staging").status == 200
    assert workspace.registry.history("wine")[-1].actor == "bob"


def test_rights_bound_what_is_done_and_shown(wine: Asked, workspace: Workspace) -> None:
    workspace.registry.register("beer", source="s3://models/3")
    eve = Caller("eve", [Grant(frozenset({"read"}), models=("beer",))])
    with signed_in(wine, eve):
        assert [one["name"] for one in get(wine, "/models").json["models"]] == ["beer"]
        for refused in (
            get(wine, "/models/wine"),
            get(wine, "/lineage", target="models:/beer/1"),
            send(wine, "/models/beer/transitions", version=1, stage="Staging"),
        ):
            assert (refused.status, refused.code) == (403, "PERMISSION_DENIED")


def test_waiting_listeners_are_bounded(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(listeners=0))) as server:
        reply = get(server, "/events", wait=1)
        assert (reply.status, reply.headers["retry-after"]) == (429, "1")
        assert get(server, "/events").status == 200


class signed_in:
    """What the sign-in would leave in each request."""

    def __init__(self, server: Asked, caller: Caller) -> None:
        self._server = server
        self._caller = caller

    def __enter__(self) -> None:
        inner = self._inner = self._server.app.middleware_stack
        caller = self._caller

        async def around(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("state", {})["caller"] = caller
            await inner(scope, receive, send)

        if inner is None:
            inner = self._inner = self._server.app.build_middleware_stack()
        self._server.app.middleware_stack = around

    def __exit__(self, *_: object) -> None:
        self._server.app.middleware_stack = self._inner
