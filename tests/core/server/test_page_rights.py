"""Browsers: they sign in once, and see what their token shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from asking import Reply
from knocking import Knocking, Who, basic

from stageline.ui.app import add_pages
from stageline.ui.views import routes
from stageline.workspace import Workspace

HTML = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        add_pages(knocking.app, workspace)
        yield knocking


def sign_in(server: Knocking, token: str, **more: str) -> Reply:
    headers = {**FORM, **more.pop("headers", {})}  # type: ignore[dict-item]
    return server.ask(
        "POST", "/sign-in", urlencode({"token": token, **more}).encode(), headers=headers
    )


def browser(server: Knocking, token: str) -> Who:
    cookie = sign_in(server, token).headers["set-cookie"].partition(";")[0]
    return Who(server, {**HTML, "cookie": cookie})


def test_browser_is_led_to_where_it_can_sign_in_and_back(server: Knocking) -> None:
    reply = server.ask("GET", "/experiments", query={"q": "a&b"}, headers=HTML)
    assert reply.status == 303
    assert reply.headers["location"] == "/sign-in?next=%2Fexperiments%3Fq%3Da%2526b"
    page = server.ask("GET", "/sign-in", query={"next": "/experiments?q=a%26b"}, headers=HTML)
    assert page.status == 200
    assert b'value="/experiments?q=a%26b"' in page.content
    done = sign_in(server, server.token("read"), next="/experiments?q=a%26b")
    assert (done.status, done.headers["location"]) == (303, "/experiments?q=a%26b")


def test_cookie_is_no_token_and_no_scripts_business(server: Knocking) -> None:
    token = server.token("read")
    cookie = sign_in(server, token).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert token.split("_", 2)[2] not in cookie
    value = cookie.partition("=")[2].partition(";")[0]
    assert (
        Who(server, {"authorization": f"Bearer {value}"})
        .get("experiments/search", max_results=1)
        .status
        == 401
    )


def test_programs_are_told_401_and_not_led_around(server: Knocking) -> None:
    assert server.nobody.ask("GET", "/experiments").status == 401
    assert server.nobody.ask("POST", "/experiments", headers=HTML).status == 401


def test_page_is_shown_to_whoever_signed_in_or_says_so_by_basic(server: Knocking) -> None:
    token = server.token("read")
    assert browser(server, token).ask("GET", "/experiments").status == 200
    assert Who(server, {**HTML, **basic("x", token)}).ask("GET", "/experiments").status == 200


@pytest.mark.parametrize("change", ["digit", "time", "mac", "double", "empty"])
def test_cookie_that_was_not_signed_here_is_none(server: Knocking, change: str) -> None:
    cookie = browser(server, server.token("admin")).headers["cookie"]
    other = server.tokens.list()[0].token.token_id[::-1]
    name, _, value = cookie.partition("=")
    version, token_id, ends, mac = value.split(".")
    forged = {
        "digit": f"{name}={version}.{other}.{ends}.{mac}", "time": f"{name}={version}.{token_id}.{int(ends) + 1}.{mac}",
        "mac": f"{name}={version}.{token_id}.{ends}.{'A' * 43}", "double": f"{cookie}; {cookie}", "empty": f"{name}=",
    }[change]  # fmt: skip
    assert Who(server, {**HTML, "cookie": forged}).ask("GET", "/experiments").status == 303
    assert Who(server, {"cookie": forged}).get("experiments/search", max_results=1).status == 401


def test_session_ends_with_its_token_and_with_sign_out(server: Knocking) -> None:
    from stageline.server.auth.sign_in import SignIn

    who = browser(server, server.token("read"))
    assert who.ask("GET", "/experiments").status == 200
    server.tokens.revoke(server.tokens.list()[0].token.token_id)
    server.part(SignIn)._tokens._seen.clear()
    assert who.ask("GET", "/experiments").status == 303
    out = server.ask("POST", "/sign-out", headers=FORM)
    assert "Max-Age=0" in out.headers["set-cookie"]


@pytest.mark.parametrize(
    "where",
    ["//evil.com", "https://evil.com", "/\\evil.com", "\\\\evil", "javascript:1", "/a\nb", ""],
)
def test_sign_in_leads_nowhere_else(server: Knocking, where: str) -> None:
    done = sign_in(server, server.token("read"), next=where)
    assert done.headers["location"] == "/"


def test_sign_in_by_another_sites_form_is_refused(server: Knocking) -> None:
    token = server.token("read")
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.com"},
    ):
        assert sign_in(server, token, headers=headers).status == 403  # type: ignore[arg-type]


def test_sign_in_page_shows_nothing_that_was_sent_as_markup(server: Knocking) -> None:
    page = server.ask(
        "GET", "/sign-in", query={"next": '/"><script>alert(1)</script>'}, headers=HTML
    )
    assert b"<script" not in page.content
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


def test_guessing_on_the_page_is_slowed_down(server: Knocking) -> None:
    statuses = [sign_in(server, f"stl_{n:016x}_{'a' * 43}").status for n in range(25)]
    assert (statuses[0], statuses[-1]) == (401, 429)


# -- what pages show --------------------------------------------------------------------------------------


def test_pages_of_others_are_refused(server: Knocking) -> None:
    root = server.who("admin")
    ours, theirs = root.experiment("team-a/x"), root.experiment("team-b/x")
    mine, run_id = root.run(ours), root.run(theirs)
    for name in ("team-a-x", "team-b-x"):
        root.post("registered-models/create", name=name)
    ann = browser(server, server.token("write", experiments=["team-a/*"], models=["team-a-*"]))
    for path in (f"/experiments/{ours}", f"/runs/{mine}", "/models/team-a-x"):
        assert ann.ask("GET", path).status == 200, path
    for view in routes():
        if "GET" not in view.methods:
            continue
        path = view.path.replace(":path}", "}").format(
            experiment_id=theirs,
            run_id=run_id,
            name="team-b-x",
            number="1",
            form="json",
            view_id="x",
            path="x",
        )
        reply = ann.ask("GET", path, query={"run": run_id})
        assert reply.status in (303, 403) or "team-b" not in path + reply.content.decode(), path
        named = ("experiment_id}", "run_id}", "name}")
        assert reply.status == 403 or not any(one in view.path for one in named), (
            path,
            reply.status,
        )


def test_form_does_not_reach_others_runs(server: Knocking) -> None:
    root = server.who("admin")
    ours, theirs = root.experiment("team-a/x"), root.experiment("team-b/x")
    run_id = root.run(theirs)
    ann = browser(server, server.token("write", experiments=["team-a/*"]))
    page = ann.ask("GET", f"/experiments/{ours}")
    found = re.search(rb'name="csrf" value="([^"]+)"', page.content)
    assert found
    secret = page.headers["set-cookie"].partition(";")[0]
    ann.headers["cookie"] += f"; {secret}"
    body = urlencode({"csrf": found[1].decode(), "run": run_id, "action": "delete"}).encode()
    reply = ann.ask("POST", f"/experiments/{ours}/bulk", body, headers=FORM)
    assert reply.status == 403, reply
    assert root.get("runs/get", run_id=run_id).json["run"]["info"]["lifecycle_stage"] == "active"
