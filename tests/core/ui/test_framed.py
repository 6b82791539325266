"""The pages within another application: who is let in, what each may, and how they look in its frame."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from promoting import form_with, with_policy
from reading import parsed
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from stageline import Guest, pages_app
from stageline.errors import NotFound
from stageline.workspace import Workspace

PEOPLE: dict[str, Guest] = {
    "bob": Guest("bob", experiments=["read", "write"], models=["read", "write", "promote"]),
    "eve": Guest("eve", models=["read"], reads_run=lambda tags: tags.get("team") == "blue"),
}


def host(workspace: Workspace, name: str | None, **more: Any) -> TestClient:
    """Another application, below a path of its own, in which somebody has signed in."""

    async def guest_of(request: Request) -> Guest | Response:
        known = PEOPLE.get(request.headers.get("x-user", ""))
        return known or PlainTextResponse("sign in first", 401)

    app = FastAPI()
    app.mount("/stageline", pages_app(workspace, guest_of, **more))
    return TestClient(app, root_path="/airflow", headers={} if name is None else {"x-user": name})


def run_of(workspace: Workspace, **tags: str) -> str:
    experiment_id = workspace.experiments.create(f"wine {tags}").experiment_id
    return workspace.runs.create(experiment_id, tags=tags).info.run_id


@pytest.mark.parametrize("path", ["/", "/models", "/experiments", "/static/x/base.css", "/nothing"])
def test_nobody_comes_in_whom_the_host_does_not_know(workspace: Workspace, path: str) -> None:
    answer = host(workspace, None).get(f"/airflow/stageline{path}")
    assert (answer.status_code, answer.text) == (401, "sign in first")


def test_links_begin_where_the_host_has_the_pages(workspace: Workspace) -> None:
    answer = host(workspace, "bob").get(
        "/airflow/stageline/experiments", headers={"x-forwarded-prefix": "/airflow"}
    )
    page = parsed(answer.text)
    addresses = [one["href"] for one in page.all("a") if not one["href"].startswith("#")]
    assert addresses
    assert [one for one in addresses if not one.startswith("/airflow/stageline/")] == []
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers


def test_a_frame_has_a_strip_of_links_and_no_sidebar(workspace: Workspace) -> None:
    page = parsed(host(workspace, "bob").get("/airflow/stageline/models").text)
    assert page.all("header", cls="sidebar") == []
    (strip,) = page.all("header", cls="strip")
    assert [one.text for one in strip.all("a")] == ["Models", "Requests", "Experiments", "Lineage"]
    assert "bob" in strip.text


def test_an_approval_carries_the_name_that_the_host_says(workspace: Workspace) -> None:
    with_policy(workspace)
    workspace.registry.request_transition("wine", 2, "Production", archive_existing=True)
    client = host(workspace, "bob")
    page = parsed(client.get("/airflow/stageline/requests").text)
    fields = form_with(page, "Approve: promote v2, archive v1")
    assert client.post(fields.pop("action"), data={**fields, "comment": "good"}).status_code == 200
    (request,) = workspace.registry.state("wine").requests.values()
    assert [one.by for one in request.approvals] == ["bob"]


def test_a_guest_may_read_runs_that_the_host_says_are_theirs(workspace: Workspace) -> None:
    theirs, others = run_of(workspace, team="blue"), run_of(workspace, team="red")
    client = host(workspace, "eve")

    def status(path: str) -> int:
        return client.get(f"/airflow/stageline{path}").status_code

    assert [status(f"/runs/{one}") for one in (theirs, others)] == [200, 403]
    assert status(f"/runs/{theirs}/artifacts") == 200
    assert status(f"/compare?run={theirs}&run={others}") == 403
    assert status(f"/lineage?of={theirs}&run={theirs}") == 403
    experiment_id = workspace.runs.get(theirs).info.experiment_id
    assert status(f"/experiments/{experiment_id}?run={theirs}") == 403


def test_an_entrance_leads_to_a_page_or_says_why_not(workspace: Workspace) -> None:
    run_id = run_of(workspace)

    def entrance(query: Any, guest: Guest) -> str:
        if query["task"] != "train":
            raise NotFound(f"{guest.name}: nothing is recorded of {query['task']}")
        return f"/runs/{run_id}"

    client = host(workspace, "bob", entrances={"/task": entrance})
    found = client.get("/airflow/stageline/task?task=train", follow_redirects=False)
    assert found.headers["location"] == f"/airflow/stageline/runs/{run_id}"
    missing = client.get("/airflow/stageline/task?task=load")
    assert missing.status_code == 404
    assert "bob: nothing is recorded of load" in missing.text
