"""A page says who is signed in, and lets whoever signed in by a form sign out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from knocking import Knocking, Who, basic

from stageline.ui.app import add_pages
from stageline.workspace import Workspace

HTML = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        add_pages(knocking.app, workspace)
        yield knocking


def test_page_offers_the_way_out_to_a_session_alone(server: Knocking) -> None:
    token = server.token("read")
    signed = server.ask("POST", "/sign-in", urlencode({"token": token}).encode(), headers=FORM)
    cookie = signed.headers["set-cookie"].partition(";")[0]
    page = Who(server, {**HTML, "cookie": cookie}).ask("GET", "/experiments").content
    assert b'action="/sign-out"' in page
    by_header = Who(server, {**HTML, **basic("x", token)}).ask("GET", "/experiments").content
    assert b'action="/sign-out"' not in by_header
    assert b'class="reader"' in by_header
