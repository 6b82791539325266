"""What a reader who may look and not promote sees, and what is refused to them."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from promoting import entries, with_policy
from reading import Reader

from stageline.server.caller import Caller, Grant
from stageline.workspace import Workspace


@pytest.fixture
def looker(workspace: Workspace) -> Reader:
    """eve, who may read the models that begin with w."""
    return signed_in(workspace, Grant(frozenset({"read"}), models=("w*",)))


def signed_in(workspace: Workspace, grant: Grant) -> Reader:
    """eve, with what was granted to her."""
    app = FastAPI()
    eve = Caller("eve", [grant])

    @app.middleware("http")
    async def sign_in(request, call_next):
        request.state.caller = eve
        return await call_next(request)

    return Reader(workspace, app=app)


def test_who_may_only_look_sees_no_button(workspace: Workspace, looker: Reader) -> None:
    with_policy(workspace)
    workspace.registry.request_transition("wine", 2, "Production", archive_existing=True)
    for path in ("/models/wine", "/models/wine/versions/2", "/requests"):
        assert not looker.page(path).one("main").all("form", method="post"), path
    assert "eve has no right to answer requests" in looker.page("/requests").text


def test_what_is_sent_all_the_same_is_refused(workspace: Workspace, looker: Reader) -> None:
    with_policy(workspace)
    before = entries(workspace)
    version = "/models/wine/versions/2"
    looker.submit(f"{version}/move", status=403, stage="Staging", holding="", do="move")
    looker.submit(f"{version}/aliases", status=403, alias="champion")
    looker.submit(f"{version}/tags", status=403, key="a", value="b")
    looker.submit("/models/wine/rollback", status=403, stage="Production", comment="no")
    assert entries(workspace) == before


def test_other_models_are_not_told_of(workspace: Workspace, looker: Reader) -> None:
    workspace.registry.create_registered_model("secret")
    assert "secret" not in looker.page("/models").text
    looker.page("/models/secret/history", status=403)
    looker.page("/lineage", of="models:/secret", status=403)


def test_a_run_that_may_be_read_opens_no_lineage(workspace: Workspace) -> None:
    workspace.registry.create_registered_model("secret")
    experiment_id = workspace.experiments.create("wine").experiment_id
    own = workspace.runs.create(experiment_id).info.run_id
    reader = signed_in(workspace, Grant(frozenset({"read"}), experiments=("wine",), models=()))
    reader.page(f"/runs/{own}")
    reader.page("/lineage", of="models:/secret", run=own, status=403)
    reader.page("/lineage/export/json", of="models:/secret", run=own, status=403)


def test_to_ask_takes_less_than_to_move(workspace: Workspace) -> None:
    with_policy(workspace)
    writer = signed_in(workspace, Grant(frozenset({"write"}), models=("w*",)))
    version = "/models/wine/versions/2"
    offered = writer.page(version).one("main")
    assert [one["value"] for one in offered.all("input", type="hidden", name="do")] == ["ask"]
    before = entries(workspace)
    asked = {"stage": "Production", "holding": "1", "others": "archive"}
    writer.submit(f"{version}/move", status=403, do="move", **asked)
    assert entries(workspace) == before
    writer.submit(f"{version}/move", do="ask", **asked)
    answer = "/models/wine/requests/1/answer"
    writer.submit(answer, status=403, do="approve", holding="1")
    writer.submit(answer, status=403, do="reject", comment="no")
    assert "Take my request back" in writer.page("/requests").text
    writer.submit(answer, do="cancel")
    (letter,) = workspace.registry.requests("wine", status=None)
    assert letter[1].status == "cancelled"
