"""The pages within another application, which signs people in and has a frame around them: `stageline.pages_app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from stageline.ui.app import add_pages
from stageline.ui.guest import Guest
from stageline.ui.options import PageOptions, check_installed
from stageline.ui.view import View

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from stageline.ui.page import Page
    from stageline.workspace import Workspace

GuestOf = Callable[[Request], Awaitable[Guest | Response]]
"""Who sends a request; or the answer to somebody who may not come in."""
Entrance = Callable[[Mapping[str, str], Guest], str]
"""From what an address says behind its question mark to the path of the page that is meant."""


def pages_app(
    workspace: Workspace, guest_of: GuestOf, *, entrances: Mapping[str, Entrance] | None = None
) -> ASGIApp:
    """The pages as an ASGI application, to be mounted anywhere in another one, which shows them in a frame.

    They have a strip of links in place of the sidebar, take on light or dark from the page around them, and may be
    framed by pages of their own origin only. Links begin where the application is mounted.

    Args:
        workspace: The store.
        guest_of: Asked about every request, static files too, before anything else.
        entrances: Further addresses, such as `/task`, and what each leads to. One that raises a `StagelineError` is a
            page that says so.

    Raises:
        InvalidInput: a library is missing that pages are made by.
    """
    check_installed()
    app = FastAPI(title="Stageline", docs_url=None, redoc_url=None, openapi_url=None)
    views = [_view(path, entrance) for path, entrance in (entrances or {}).items()]
    add_pages(app, workspace, PageOptions(is_framed=True), views)
    return _Reception(app, guest_of)


def _view(path: str, entrance: Entrance) -> View:
    def answer(page: Page) -> Response:
        assert isinstance(page.caller, Guest)
        return page.redirect(page.own_path(entrance(dict(page.query), page.caller)))

    return View(path, answer, right="none")


class _Reception:
    """Lets in whom the other application knows."""

    def __init__(self, app: ASGIApp, guest_of: GuestOf) -> None:
        self._app = app
        self._guest_of = guest_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # pages have neither sockets nor a beginning and an end
        found = await self._guest_of(Request(scope, receive))
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        if not isinstance(found, Guest):
            raise TypeError(
                f"guest_of should say who it is, as a Guest, not {type(found).__name__}"
            )
        # Not the state itself, which the other application goes on using.
        state = {**(scope.get("state") or {}), "caller": found}
        await self._app({**scope, "state": state}, receive, send)
