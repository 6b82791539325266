"""The page of a version: what it says, and what its forms do."""

from __future__ import annotations

from promoting import as_user, entries, press, registered, stages, with_policy
from reading import Reader

from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace


def test_a_version_tells_what_it_is(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    page = reader.page("/models/wine/versions/2")
    run_id = workspace.registry.get_version("wine", 2).run_id
    assert page.one("h1").text == "wine v2"
    assert page.all("a", href=f"/runs/{run_id}")[0].text == "sweep 0.6"
    assert page.all("a", href=f"/runs/{run_id}/artifacts?path=model")
    assert page.all("a", href="/lineage?of=dataset%3Awine.csv%40d2")
    assert "input sulphates double (optional)" in page.text
    assert "stageline.load_model('models:/wine/2')" in page.text
    assert workspace.store.url not in page.text


def test_a_button_says_what_it_does_and_does_it(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    registered(workspace, 0.6)
    workspace.registry.transition("wine", 1, "Production")
    page = press(
        reader, "/models/wine/versions/2", "Promote v2, archive v1", comment="better by far"
    )
    assert page.one("p", cls="notice").text == "v2 is in Production"
    assert stages(workspace) == {1: "Archived", 2: "Production"}
    last = workspace.registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("ann", "better by far")


def test_a_version_may_enter_beside_another(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    registered(workspace, 0.6)
    workspace.registry.transition("wine", 1, "Production")
    press(reader, "/models/wine/versions/2", "Promote v2 to Production beside v1")
    assert stages(workspace) == {1: "Production", 2: "Production"}


def test_a_blocked_move_lists_the_failing_check(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    page = reader.page("/models/wine/versions/3")
    (button,) = (one for one in page.all("button") if one.text == "Promote v3, archive v1")
    assert "disabled" in button.attributes
    (offer,) = page.all("div", cls="offer-blocked")
    assert "metrics.rmse is 0.9, required < 0.8" in offer.one("ul", cls="failing").text


def test_a_gate_that_says_no_moves_nothing(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.9)
    policy = Policy(rules=(MetricRule(condition="metrics.rmse < 0.8"),))
    workspace.registry.set_policy("wine", "Production", policy)
    sent = {"stage": "Production", "holding": "", "do": "move"}
    page = reader.submit("/models/wine/versions/1/move", status=403, **sent)
    assert "metrics.rmse is 0.9, required < 0.8" in page.text
    assert stages(workspace) == {1: "None"}


def test_where_approvals_are_needed_the_button_asks(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    page = press(
        reader, "/models/wine/versions/2", "Ask: Promote v2, archive v1", comment="it is better"
    )
    assert page.one("h1").text == "Requests"
    ((name, request),) = workspace.registry.requests()
    assert (name, request.version, request.requested_by) == ("wine", 2, "ann")
    assert (request.comment, request.archive_existing) == ("it is better", True)
    assert stages(workspace)[2] == "None"
    assert "ann asked for this: 1 approval missing" in reader.page("/models/wine/versions/2").text


def test_a_button_that_would_do_something_else_by_now_is_refused(
    workspace: Workspace, reader: Reader
) -> None:
    for rmse in (0.7, 0.6, 0.5):
        registered(workspace, rmse)
    workspace.registry.transition("wine", 1, "Production")
    before = entries(workspace)
    sent = {"stage": "Production", "holding": "2", "others": "archive", "do": "move"}
    page = reader.submit("/models/wine/versions/3/move", status=409, **sent)
    assert "Production of 'wine' holds v1 by now" in page.text
    assert entries(workspace) == before


def test_a_version_that_was_moved_meanwhile_stays(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    workspace.registry.transition("wine", 1, "Archived")
    sent = {"stage": "Staging", "holding": "", "from": "None", "do": "move"}
    reader.submit("/models/wine/versions/1/move", status=409, **sent)
    assert stages(workspace) == {1: "Archived"}


def test_aliases_tags_descriptions_and_remarks(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    path = "/models/wine/versions/1"
    press(reader, path, "Point @ at v1", alias="@champion")
    press(reader, path, "Set", key="reviewed", value="yes")
    press(reader, path, "Save", description="**Good** enough")
    press(reader, path, "Add", text="seen on the dashboards")
    version = workspace.registry.get_version("wine", 1)
    assert version.aliases == ("champion",)
    assert version.tags == {"reviewed": "yes"}
    assert version.description == "**Good** enough"
    assert [(one.by, one.text) for one in version.annotations] == [
        ("ann", "seen on the dashboards")
    ]
    page = reader.page(path)
    assert [one.text for one in page.all("div", cls="prose")] == ["Good enough"]
    reader.submit(f"{path}/aliases", alias="champion", do="remove")
    reader.submit(f"{path}/tags", key="reviewed", do="remove")
    version = workspace.registry.get_version("wine", 1)
    assert (version.aliases, version.tags) == ((), {})


def test_a_protected_version_offers_no_change(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.set_policy("wine", "Production", Policy(is_protected=True))
    page = reader.page("/models/wine/versions/1")
    assert "Production is protected" in page.text
    assert "Edit the description" not in page.text
    sent = {"key": "a", "value": "b"}
    refused = reader.submit("/models/wine/versions/1/tags", status=403, **sent)
    assert "protected" in refused.text
    assert workspace.registry.get_version("wine", 1).tags == {}


def test_a_rollback_is_one_form_with_a_reason(workspace: Workspace) -> None:
    for rmse in (0.7, 0.6):
        number = registered(workspace, rmse)
        workspace.registry.transition("wine", number, "Production", archive_existing=True)
    bob = as_user(workspace, "bob")
    button = "Roll back Production: v1 again, archive v2"
    before = entries(workspace)
    page = press(bob, "/models/wine", button, status=400)
    assert "Say why" in page.text
    assert entries(workspace) == before
    press(bob, "/models/wine", button, comment="worse at night")
    assert stages(workspace) == {1: "Production", 2: "Archived"}
    last = workspace.registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("bob", "worse at night")


def test_a_rollback_that_would_do_something_else_by_now_is_refused(
    workspace: Workspace, reader: Reader
) -> None:
    for rmse in (0.7, 0.6, 0.5):
        number = registered(workspace, rmse)
        workspace.registry.transition("wine", number, "Production", archive_existing=True)
    sent = {"stage": "Production", "out": "2", "back": "1", "comment": "old page"}
    reader.submit("/models/wine/rollback", status=409, **sent)
    assert stages(workspace)[3] == "Production"


def test_two_versions_are_compared(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    page = reader.page("/models/wine/compare", a="1", b="2")
    assert page.one("h1").text == "wine: v1 and v2"
    assert "rmse 0.7 0.6 \u22120.1" in page.text
    assert "wine.csv d1 d2 changed" in page.text
    assert "input sulphates \u2013 double (optional) added" in page.text
    assert "input alcohol" not in page.text
    assert "input alcohol" in reader.page("/models/wine/compare", a="1", b="2", show="all").text
    reader.page("/models/wine/compare", a="1", b="99", status=404)
