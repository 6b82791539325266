"""Who may ask the scoring server: those with a token where there are some, and pages of sites that were named."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from stageline.errors import InvalidInput
from stageline.serving.door import Door
from stageline.serving.tokens import VARIABLE, Tokens, digest, read_tokens

TOKEN = "a-token-of-the-scorers"


def site(**doors: Any) -> Door:
    async def said(request: Any) -> PlainTextResponse:
        return PlainTextResponse(f"{request.client.host} {request.url.scheme}")

    paths = ("/invocations", "/ping", "/health", "/docs", "/version", "/{rest:path}")
    app = Starlette(routes=[Route(path, said, methods=["GET", "POST"]) for path in paths])
    return Door(Tokens(app, [digest(TOKEN)]), (), **doors)


def ask(door: Door, method: str, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app=door, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:5001"
        ) as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(asking())


def test_token_is_taken_as_bearer_and_as_password() -> None:
    door = site()
    basic = b64encode(f"x:{TOKEN}".encode()).decode()
    for value in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert ask(door, "POST", "/invocations", authorization=value).status_code == 200
    for value in (
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        f"Digest {TOKEN}",
    ):
        for path in (
            "/invocations",
            "/docs",
            "/version",
            "/ping/",
            "//ping",
            "/ping;x",
            "/PING",
            "/x/%2e%2e/ping",
        ):
            refused = ask(door, "POST", path, authorization=value)
            assert refused.status_code == 401, (value, path)
            assert refused.headers.get_list("www-authenticate")[1].startswith("Bearer")


def test_who_looks_whether_it_lives_needs_no_token() -> None:
    assert [ask(site(), "GET", path).status_code for path in ("/ping", "/health")] == [200, 200]


def test_tokens_come_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# of the shop\n{TOKEN}\n\n{TOKEN}2\n")
    assert read_tokens(path) == (digest(TOKEN), digest(f"{TOKEN}2"))
    assert read_tokens(None) == ()
    monkeypatch.setenv(VARIABLE, f"{TOKEN},{TOKEN}2")
    assert read_tokens(None) == (digest(TOKEN), digest(f"{TOKEN}2"))
    path.write_text("short\n")
    with pytest.raises(InvalidInput, match="16 characters") as refused:
        read_tokens(path)
    assert "short\n" not in str(refused.value)
    path.write_text("# none\n")
    with pytest.raises(InvalidInput, match="no token"):
        read_tokens(path)


def test_named_site_may_ask_with_a_token_and_without_credentials() -> None:
    door = site(origins=("https://shop.example.com",))
    asked = ask(
        door,
        "OPTIONS",
        "/invocations",
        origin="https://shop.example.com",
        access_control_request_method="POST",
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert "authorization" in asked.headers["access-control-allow-headers"]
    told = ask(
        door,
        "POST",
        "/invocations",
        origin="https://shop.example.com",
        authorization=f"Bearer {TOKEN}",
    )
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (
        200,
        "https://shop.example.com",
    )
    assert "access-control-allow-credentials" not in {*asked.headers, *told.headers}
    assert ask(door, "POST", "/invocations", origin="https://evil.com").status_code == 403


def test_proxy_that_is_trusted_says_who_the_client_is() -> None:
    said = {"x_forwarded_for": "6.6.6.6, 203.0.113.9, 10.0.0.2", "x_forwarded_proto": "https"}
    trusted = ask(site(proxies=("127.0.0.0/8", "10.0.0.0/8")), "GET", "/ping", **said)
    assert trusted.text == "203.0.113.9 https"
    assert ask(site(), "GET", "/ping", **said).text == "127.0.0.1 http"
    with pytest.raises(InvalidInput, match="trusted-proxy"):
        site(proxies=("everybody",))
