"""Webhooks by MLflow's protocol: what MLflow has no words for stays, secrets stay, and the server delivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import API, Asked, Reply
from receiver import receiving

from stageline.workspace import Workspace

KEY = "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
TAGGED = {"entity": "MODEL_VERSION_TAG", "action": "SET"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(
        tmp_path / "store",
        cache=str(tmp_path / "cache"),
        user="ann",
        webhook_keys=KEY,
        webhook_allow="127.0.0.0/8",
        webhook_http=True,
    )


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Asked]:
    with Asked(workspace) as asked:
        yield asked


def send(server: Asked, method: str, path: str, **body: Any) -> Reply:
    return server.ask(method, API + path, json.dumps(body).encode())


def webhook(server: Asked, **more: Any) -> Any:
    given = {"name": "chat", "url": "https://8.8.8.8/x", "events": [CREATED], **more}
    return server.made("webhooks", **given)["webhook"]


def test_secret_is_told_to_nobody(server: Asked) -> None:
    made = webhook(server, secret="correct horse")
    replies = [
        server.get("webhooks"),
        server.get(f"webhooks/{made['webhook_id']}"),
        send(server, "PATCH", f"webhooks/{made['webhook_id']}", secret="battery staple"),
    ]
    for reply in replies:
        assert reply.status == 200
        assert b"horse" not in reply.content
        assert b"staple" not in reply.content
        assert b"secret" not in reply.content


def test_events_that_mlflow_can_not_name_stay(server: Asked, workspace: Workspace) -> None:
    workspace.webhooks.create(
        "both", "https://8.8.8.8/x", ["registered_model.created", "model_version_stage.changed"]
    )
    workspace.webhooks.create("ours", "https://8.8.8.8/x", ["model_version_stage.changed"])
    (shown,) = server.get("webhooks").json["webhooks"]
    assert (shown["name"], shown["events"]) == ("both", [CREATED])
    changed = send(server, "PATCH", f"webhooks/{shown['webhook_id']}", events=[TAGGED]).json
    assert changed["webhook"]["events"] == [TAGGED]
    assert workspace.webhooks.get("both").events == (
        "model_version_tag.set",
        "model_version_stage.changed",
    )


def test_list_comes_in_pages(server: Asked) -> None:
    for number in range(3):
        webhook(server, name=f"w{number}")
    first = server.get("webhooks", max_results=2).json
    assert [one["name"] for one in first["webhooks"]] == ["w0", "w1"]
    rest = server.get("webhooks", max_results=2, page_token=first["next_page_token"]).json
    assert [one["name"] for one in rest["webhooks"]] == ["w2"]
    assert "next_page_token" not in rest


def test_enums_come_by_name_or_number(server: Asked) -> None:
    made = webhook(server, events=[{"entity": 3, "action": 4}], status=2)
    assert (made["events"], made["status"]) == ([TAGGED], "DISABLED")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": "a b"},
        {"url": None},
        {"url": "ftp://8.8.8.8/x"},
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "https://10.0.0.1/x"},
        {"url": "https://user:word@8.8.8.8/x"},
        {"events": []},
        {"events": [{"entity": "PROMPT", "action": "CREATED"}]},
        {"events": [{"entity": 99, "action": 1}]},
        {"events": [{}]},
        {"status": "ASLEEP"},
        {"status": 7},
    ],
)
def test_mistake_is_told_as_one(server: Asked, wrong: dict[str, Any]) -> None:
    given = {"name": "chat", "url": "https://8.8.8.8/x", "events": [CREATED], **wrong}
    refused = server.post("webhooks", **given)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE"), refused
    assert server.get("webhooks").json == {"webhooks": []}


def test_what_is_not_there_is_404(server: Asked) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        assert send(server, method, f"webhooks/nobody{path}").code == "RESOURCE_DOES_NOT_EXIST"


def test_server_tells_once_what_was_done_by_it(server: Asked) -> None:
    with receiving() as receiver:
        webhook(server, url=receiver.url, secret="correct horse")
        server.made("registered-models/create", name="wine")
        server.replica.deliver()
        server.replica.deliver()
        assert [one.document["data"]["name"] for one in receiver.received] == ["wine"]
        assert receiver.received[0].is_signed_with("correct horse")


def test_trial_says_what_the_receiver_answered(server: Asked) -> None:
    with receiving() as receiver:
        path = f"webhooks/{webhook(server, url=receiver.url)['webhook_id']}/test"
        tried = server.made(path, event=TAGGED)["result"]
        assert tried == {"success": True, "response_status": 200, "response_body": "ok"}
        assert receiver.told == ["model_version_tag.set"]
        receiver.answer = lambda one, handler: 500
        tried = server.made(path)["result"]
        assert (tried["success"], tried["response_status"]) == (False, 500)
    tried = server.made(path)["result"]  # nobody listens there any more
    assert tried["success"] is False
    assert tried["error_message"]
