"""Published ways to a server through somebody's browser, tried on this one: rebinding, forgery, scripts in files."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from asking import API, Asked
from knocking import Knocking, Who

from stageline.server.options import Options
from stageline.workspace import Workspace

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        yield knocking


@pytest.fixture
def root(server: Knocking) -> Who:
    return server.who("admin", name="root")


# -- 6. what is shown in a browser ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["x.html", "x.svg", "x.xml", "x.xhtml", "x.htm", "x.js", "x.pdf", 'a"b.html', "a;b.html"],
)
def test_file_is_no_page(root: Who, name: str) -> None:
    run_id = root.run("0")
    path = f"{ARTIFACTS}/0/{run_id}/artifacts/{quote(name)}"
    assert root.ask("PUT", path, b"<script>alert(1)</script>").status == 200
    reply = root.ask("GET", path)
    assert reply.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "\n" not in reply.headers["content-disposition"]
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


# -- 7. pages of other sites ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.com", "127.0.0.1.evil.com", "localhost.evil.com", "evil.com:5000", "localhost@evil.com",
    "evil.com#localhost", "evil.com?localhost",
     "evil.com/localhost", "127.0.0.1:5000@evil.com", "[::1].evil.com", "0.0.0.0", "127.0.0.1 evil.com", "\xff",
     "localhost:5000:80", "[localhost]"],
)  # fmt: skip
def test_name_that_was_bound_anew_is_refused(workspace: Workspace, host: str) -> None:
    with Asked(workspace, Options(hosts=())) as server:
        for method, path in (
            ("GET", "/health"),
            ("POST", f"{API}runs/create"),
            ("GET", "/api/stageline/1/models"),
            ("GET", "/x"),
        ):
            headers = [(b"host", host.encode("latin-1"))]
            assert server.ask_raw(method, path, headers).status == 403
        forwarded = [
            (b"host", host.encode("latin-1")),
            (b"x-forwarded-host", b"localhost"),
            (b"forwarded", b"host=localhost"),
        ]
        assert server.ask_raw("GET", "/health", forwarded).status == 403
        twice = [(b"host", b"localhost"), (b"host", host.encode("latin-1"))]
        assert server.ask_raw("GET", "/health", twice).status == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.com",
        "null",
        "http://localhost:3000",
        "https://127.0.0.1:8443",
        "http://127.0.0.1.evil.com",
        "",
        "file://",
    ],
)
def test_page_of_another_site_changes_nothing(workspace: Workspace, origin: str) -> None:
    with Asked(workspace) as server:
        for method, path in (
            ("POST", "experiments/create"),
            ("POST", "runs/create"),
            ("DELETE", "registered-models/delete"),
            ("GET", "experiments/search"),
        ):
            headers = [(b"origin", origin.encode()), (b"content-type", b"application/json")]
            assert server.ask_raw(method, API + path, headers, b'{"name": "x"}').status == 403
        cross = [(b"sec-fetch-site", b"cross-site"), (b"content-type", b"application/json")]
        assert (
            server.ask_raw("POST", f"{API}experiments/create", cross, b'{"name": "x"}').status
            == 403
        )


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "text/plain;application/json",
    ],
)
def test_form_that_a_browser_sends_unasked_is_not_read(workspace: Workspace, kind: str) -> None:
    with Asked(workspace) as server:
        reply = server.ask(
            "POST", f"{API}experiments/create", b'{"name": "x"}', headers={"content-type": kind}
        )
        assert reply.status == 400


def test_named_site_may_ask_and_never_with_credentials(workspace: Workspace) -> None:
    with Asked(workspace, Options(hosts=(), origins=("https://ml.example.com",))) as server:
        ours, others = (
            (b"origin", b"https://ml.example.com"),
            (b"origin", b"https://ml.example.com.evil.com"),
        )
        asked = (b"access-control-request-method", b"POST")
        before = server.ask_raw("OPTIONS", f"{API}runs/create", [ours, asked])
        assert (before.status, before.headers["access-control-allow-origin"]) == (
            204,
            "https://ml.example.com",
        )
        then = server.ask_raw("GET", f"{API}experiments/get?experiment_id=0", [ours])
        assert (then.status, then.headers["access-control-allow-origin"]) == (
            200,
            "https://ml.example.com",
        )
        for reply in (before, then):
            assert "access-control-allow-credentials" not in reply.headers
            assert reply.headers["vary"] == "Origin"
        refused = server.ask_raw("OPTIONS", f"{API}runs/create", [others, asked])
        assert refused.status == 403
        assert "access-control-allow-origin" not in refused.headers


def test_word_of_a_proxy_is_taken_of_named_ones_alone(workspace: Workspace) -> None:
    said = [
        (b"host", b"10.0.0.5:5000"),
        (b"x-forwarded-host", b"ml.example.com"),
        (b"x-forwarded-proto", b"https"),
    ]
    page = (b"origin", b"https://ml.example.com")
    with Asked(workspace, Options(hosts=("ml.example.com",), proxies=("127.0.0.1",))) as server:
        assert server.ask_raw("GET", "/health", [*said, page]).status == 200
        evil = [(b"host", b"ml.example.com"), (b"x-forwarded-host", b"evil.com")]
        assert server.ask_raw("GET", "/health", evil).status == 403
    with Asked(workspace, Options(hosts=("ml.example.com",))) as server:
        assert server.ask_raw("GET", "/health", said).status == 403
