"""Forms change something only if a page of ours sent them, and what goes wrong becomes a page that says so."""

from __future__ import annotations

import base64

import pytest
from reading import Reader

from stageline.errors import StorageFailed
from stageline.ui.views import routes
from stageline.workspace import Workspace

POSTED = sorted({view.path for view in routes() if "POST" in view.methods})


@pytest.mark.parametrize("path", POSTED)
def test_no_form_is_taken_without_its_token(reader: Reader, path: str) -> None:
    reader.token()
    answer = reader.post(path.replace("{", "").replace("}", ""), data={"name": "x"})
    assert answer.status_code == 403
    assert "does not come from a page of yours" in answer.text


def test_a_token_of_another_browser_is_refused(workspace: Workspace, reader: Reader) -> None:
    token = Reader(workspace).token()
    reader.token()
    answer = reader.post("/experiments", data={"csrf": token, "name": "theirs"})
    assert answer.status_code == 403
    assert workspace.experiments.find_by_name("theirs") is None


def test_a_token_without_its_cookie_is_refused(reader: Reader) -> None:
    token = reader.token()
    reader.cookies.clear()
    assert reader.post("/experiments", data={"csrf": token, "name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "token", ["", "x", "====", "AAAA", base64.b64encode(b"\0" * 64).decode(), "ü"]
)
def test_a_token_that_nobody_made_is_refused(reader: Reader, token: str) -> None:
    reader.token()
    assert reader.post("/experiments", data={"csrf": token, "name": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200)]
)
def test_what_the_browser_says_of_the_sender_counts_too(
    reader: Reader, site: str, status: int
) -> None:
    fields = {"csrf": reader.token(), "theme": "dark", "next": "/experiments"}
    answer = reader.post("/theme", data=fields, headers={"sec-fetch-site": site})
    assert answer.status_code == status


def test_a_script_sends_the_token_in_a_header(reader: Reader) -> None:
    headers = {"x-csrf-token": reader.token()}
    answer = reader.post("/theme", data={"theme": "dark"}, headers=headers, follow_redirects=False)
    assert answer.status_code == 303


def test_no_two_pages_write_the_same_token(reader: Reader) -> None:
    assert reader.token() != reader.token()
    assert len(reader.cookies["stageline_csrf"]) >= 32


def test_a_form_that_is_too_long_is_refused(reader: Reader) -> None:
    answer = reader.post("/experiments", data={"csrf": reader.token(), "name": "x" * (5 << 20)})
    assert answer.status_code == 400
    assert "at most 4 MB" in answer.text


def test_a_form_may_come_in_parts(workspace: Workspace, reader: Reader) -> None:
    fields = {"csrf": (None, reader.token()), "name": (None, "in parts")}
    assert reader.post("/experiments", files=fields, follow_redirects=False).status_code == 303
    assert workspace.experiments.find_by_name("in parts")


def test_what_was_done_is_told_once(reader: Reader) -> None:
    fields = {"csrf": reader.token(), "name": "told; once"}
    reader.post("/experiments", data=fields, follow_redirects=False)
    assert reader.page("/experiments").one("p", cls="notice").text == "Created told; once"
    assert reader.page("/experiments").all("p", cls="notice") == []


def test_a_mistake_becomes_a_page_that_says_what_to_do(reader: Reader) -> None:
    page = reader.submit("/experiments", status=400, name="  ")
    assert "not blank" in page.one("main").text
    page = reader.submit("/experiments", status=409, name="Default")
    assert "already exists" in page.one("main").text


def test_a_script_is_told_of_a_mistake_as_json(reader: Reader) -> None:
    answer = reader.get("/experiments/404/settings", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("No Experiment")


def test_trouble_of_ours_is_told_by_number_alone(
    workspace: Workspace, reader: Reader, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret-of-the-house")

    monkeypatch.setattr(type(workspace.experiments), "list", broken)
    page = reader.page("/experiments", status=500)
    number = page.one("main").one("code").text
    assert "secret" not in page.text
    assert number in caplog.text
    assert "secret-of-the-house" in caplog.text


def test_a_store_that_is_away_is_told_as_such(
    workspace: Workspace, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StorageFailed("s3://hidden/bucket does not answer")

    monkeypatch.setattr(type(workspace.experiments), "list", away)
    page = reader.page("/experiments", status=503)
    assert page.one("h1").text == "The store does not answer"
    assert "hidden" not in page.text


def test_an_address_that_is_not_there_is_a_page_for_browsers_only(reader: Reader) -> None:
    assert reader.page("/nowhere", status=404).one("h1").text == "Not here"
    assert reader.page("/theme", status=405).one("h1")
    answer = reader.get("/nowhere", headers={"accept": "*/*"})
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"
