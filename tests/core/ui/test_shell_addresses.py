"""Where pages lie: below a prefix, behind a proxy, mounted in another application; and in which colours."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from reading import Reader, parsed
from starlette.testclient import TestClient

from stageline.serving.door import Door
from stageline.ui.app import add_pages
from stageline.ui.asking import BelowPrefix
from stageline.ui.options import PageOptions
from stageline.workspace import Workspace


def addresses(html: str) -> list[str]:
    found = re.findall(r'(?:href|src|action)="([^"#][^"]*)"', html)
    assert len(found) > 8
    return found


def proxied(app: FastAPI, address: str = "127.0.0.1") -> TestClient:
    """What comes by a proxy at an address, where the one of this machine is trusted."""
    door = Door(app, None, proxies=("127.0.0.1",))
    return TestClient(door, headers={"accept": "text/html"}, client=(address, 1))


def pages(workspace: Workspace) -> FastAPI:
    app = FastAPI()
    add_pages(app, workspace)
    return app


def test_all_links_begin_with_the_prefix_that_a_proxy_took_off(workspace: Workspace) -> None:
    said = {"x-forwarded-prefix": "/ml/pages/"}
    answer = proxied(pages(workspace)).get("/experiments", headers=said)
    assert all(one.startswith("/ml/pages/") for one in addresses(answer.text))


def test_a_prefix_that_anybody_says_is_not_believed(workspace: Workspace, reader: Reader) -> None:
    said = {"x-forwarded-prefix": "/ml"}
    for one in (proxied(pages(workspace), "10.0.0.1"), reader):
        answer = one.get("/experiments", headers=said)
        assert not any(one.startswith("/ml") for one in addresses(answer.text))


@pytest.mark.parametrize(
    "told", ["//elsewhere.example.org", "https://elsewhere", '/"><script>', "/a//b"]
)
def test_a_prefix_that_is_no_path_is_not_believed(workspace: Workspace, told: str) -> None:
    answer = proxied(pages(workspace)).get("/experiments", headers={"x-forwarded-prefix": told})
    assert "elsewhere" not in answer.text
    assert all(re.match(r"/(?!/)", one) for one in addresses(answer.text))


def test_pages_answer_below_a_prefix_that_the_server_was_told(workspace: Workspace) -> None:
    app = FastAPI()
    add_pages(app, workspace)
    app.add_middleware(BelowPrefix, prefix="/runs")  # the name of a page too
    client = TestClient(app, headers={"accept": "text/html"})
    answer = client.get("/runs/experiments")
    assert answer.status_code == 200
    for one in addresses(answer.text):
        assert one.startswith("/runs/")
        if "/static/" in one:
            assert client.get(one).headers["cache-control"].endswith("immutable")
    away = client.get("/runs/", follow_redirects=False)
    assert away.headers["location"] == "/runs/experiments"


def test_pages_may_be_mounted_in_another_application(workspace: Workspace) -> None:
    inner, outer = FastAPI(), FastAPI()
    add_pages(inner, workspace)
    outer.mount("/stageline", inner)
    client = TestClient(outer, headers={"accept": "text/html"})
    page = parsed(client.get("/stageline/experiments").text)
    here = page.one("nav", aria_label="Pages").one("a", aria_current="page")
    assert (here["href"], here.text) == ("/stageline/experiments", "Experiments")
    said = {"x-forwarded-prefix": "/airflow"}
    answer = proxied(outer).get("/stageline/experiments", headers=said)
    assert all(one.startswith("/airflow/stageline/") for one in addresses(answer.text))


def test_forms_and_cookies_stay_below_the_prefix(workspace: Workspace) -> None:
    reader = Reader(workspace, PageOptions(prefix="/ml"))
    answer = reader.get("/experiments")
    assert "Path=/ml" in answer.headers["set-cookie"]
    token = parsed(answer.text).one("meta", name="csrf")["content"]
    secret = re.match("stageline_csrf=([^;]+)", answer.headers["set-cookie"])[1]
    sent = reader.post(
        "/theme",
        data={"csrf": token, "theme": "dark", "next": "/ml/experiments?q=a%20b"},
        headers={"cookie": f"stageline_csrf={secret}"},
        follow_redirects=False,
    )
    assert sent.headers["location"] == "/ml/experiments?q=a%20b"
    assert "Path=/ml" in sent.headers["set-cookie"]


def test_the_server_writes_the_chosen_colours_into_the_page(reader: Reader) -> None:
    assert reader.page("/experiments").one("html").get("data-theme") is None
    page = reader.submit("/theme", theme="dark", next="/experiments")
    assert page.one("html")["data-theme"] == "dark"
    assert page.one("meta", name="color-scheme")["content"] == "dark"
    assert page.one("button", aria_pressed="true")["aria-label"] == "Dark"
    page = reader.submit("/theme", theme="", next="/experiments")
    assert page.one("html").get("data-theme") is None


def test_a_cookie_of_colours_that_nobody_chose_means_nothing(reader: Reader) -> None:
    reader.cookies.set("theme", '"><script>')
    assert reader.page("/experiments").one("html").get("data-theme") is None


@pytest.mark.parametrize(
    "wanted", ["//evil.example.org/", "https://evil.example.org", "/\\evil.example.org"]
)
def test_a_form_leads_to_no_other_site(reader: Reader, wanted: str) -> None:
    fields = {"csrf": reader.token(), "theme": "dark", "next": wanted}
    answer = reader.post("/theme", data=fields, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_each_page_has_one_heading_a_language_and_a_way_past_the_menu(reader: Reader) -> None:
    for path in ("/experiments", "/models", "/requests", "/lineage"):
        page = reader.page(path)
        assert page.one("html")["lang"] == "en"
        assert page.one("h1").text
        assert page.one("main")["id"] == "main"
        assert page.one("a", cls="skip")["href"] == "#main"
