"""The inbox: what a request would change, and the answers that are given in the reader's name."""

from __future__ import annotations

import pytest
from promoting import POLICY, as_user, entries, press, stages, with_policy
from reading import Reader

from stageline.domain.registry_events import RequestStatus
from stageline.registry import Policy
from stageline.workspace import Workspace

APPROVE = "Approve: promote v2, archive v1"
REJECT = "Reject: v2 stays in None"


@pytest.fixture
def asked(workspace: Workspace) -> Workspace:
    """ann asks that version 2 may replace version 1 in Production."""
    with_policy(workspace)
    workspace.registry.request_transition(
        "wine", 2, "Production", archive_existing=True, comment="better on old wines"
    )
    return workspace


def test_an_empty_inbox_says_what_fills_it(reader: Reader) -> None:
    assert "Nothing waits for an answer" in reader.page("/requests").text
    assert "None was closed yet" in reader.page("/requests", show="closed").text


def test_a_request_shows_what_would_change(asked: Workspace) -> None:
    page = as_user(asked, "bob").page("/requests")
    assert page.one("h2", id="request-title").text == "Promote v2, archive v1"
    assert page.one("blockquote").text == "better on old wines"
    assert "rmse 0.7 0.6 \u22120.1" in page.text
    assert "wine.csv d1 d2 changed" in page.text
    assert "input sulphates \u2013 double (optional) added" in page.text
    assert page.one("span", cls="count").text.startswith("1")


def test_approving_moves_the_version_in_the_name_of_the_reader(asked: Workspace) -> None:
    bob = as_user(asked, "bob")
    page = press(bob, "/requests", APPROVE, comment="agreed")
    assert "v2 is in Production" in page.one("p", cls="notice").text
    assert stages(asked) == {1: "Archived", 2: "Production", 3: "None"}
    last = asked.registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("bob", "agreed")
    closed = bob.page("/requests", show="closed", model="wine", request="1")
    assert "Approved by bob" in closed.text


def test_nobody_approves_their_own_request(asked: Workspace, reader: Reader) -> None:
    page = reader.page("/requests")
    assert "You asked for this, so somebody else must approve it" in page.text
    assert all(one.text != APPROVE for one in page.all("button"))
    before = entries(asked)
    sent = {"do": "approve", "holding": "1"}
    refused = reader.submit("/models/wine/requests/1/answer", status=403, **sent)
    assert "somebody else must approve it" in refused.text
    assert entries(asked) == before
    assert stages(asked) == {1: "Production", 2: "None", 3: "None"}


def test_whoever_is_no_approver_is_told_who_is(asked: Workspace) -> None:
    eve = as_user(asked, "eve")
    page = eve.page("/requests")
    assert "eve may not approve this: bob or ann may." in page.text
    assert all(one.text != REJECT for one in page.all("button"))
    before = entries(asked)
    for answer in ("approve", "reject", "cancel"):
        sent = {"do": answer, "holding": "1", "comment": "no"}
        eve.submit("/models/wine/requests/1/answer", status=403, **sent)
    assert entries(asked) == before


def test_a_rejection_needs_a_reason(asked: Workspace) -> None:
    bob = as_user(asked, "bob")
    before = entries(asked)
    for blank in ("", "   "):
        page = press(bob, "/requests", REJECT, status=400, comment=blank)
        assert "A rejection needs a reason" in page.text
    assert entries(asked) == before
    press(bob, "/requests", REJECT, comment="not shown yet")
    request = asked.registry.get_request("wine", 1)
    assert (request.status, request.closed_by) == (RequestStatus.REJECTED, "bob")
    assert request.closing_comment == "not shown yet"
    assert stages(asked)[2] == "None"


def test_whoever_asked_takes_it_back(asked: Workspace, reader: Reader) -> None:
    press(reader, "/requests", "Take my request back")
    assert asked.registry.get_request("wine", 1).status is RequestStatus.CANCELLED


def test_the_yes_before_the_last_says_so(workspace: Workspace) -> None:
    with_policy(workspace, Policy(approvals=2))
    workspace.registry.request_transition("wine", 2, "Production", archive_existing=True)
    bob = as_user(workspace, "bob")
    press(bob, "/requests", "Approve (1 more needed after yours)")
    assert stages(workspace)[2] == "None"
    assert "You have approved this." in bob.page("/requests").text
    press(as_user(workspace, "cid"), "/requests", APPROVE)
    assert stages(workspace)[2] == "Production"


def test_what_fails_by_now_is_listed_and_can_not_be_approved(workspace: Workspace) -> None:
    with_policy(workspace, Policy(approvals=1))
    workspace.registry.request_transition("wine", 3, "Production", archive_existing=True)
    workspace.registry.set_policy("wine", "Production", POLICY)
    page = as_user(workspace, "bob").page("/requests")
    assert "metrics.rmse is 0.9, required < 0.8" in page.one("ul", cls="failing").text
    (button,) = (one for one in page.all("button") if one.text.startswith("Approve"))
    assert "disabled" in button.attributes


def test_an_approval_that_would_archive_another_by_now_is_refused(asked: Workspace) -> None:
    bob = as_user(asked, "bob")
    before = entries(asked)
    sent = {"do": "approve", "holding": "3"}
    page = bob.submit("/models/wine/requests/1/answer", status=409, **sent)
    assert "Production of 'wine' holds v1 by now" in page.text
    assert entries(asked) == before


def test_an_answer_without_the_token_of_a_form_is_refused(asked: Workspace) -> None:
    bob = as_user(asked, "bob")
    before = entries(asked)
    sent = {"do": "approve", "holding": "1"}
    assert bob.post("/models/wine/requests/1/answer", data=sent).status_code == 403
    assert entries(asked) == before
