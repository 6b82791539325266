"""The pages, added to an application: routes of all views, the static files, and what every answer carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stageline.server.failures import missing
from stageline.ui.asking import Fields, place, read_form
from stageline.ui.failures import Told, error_page, told
from stageline.ui.forgery import CSRF_COOKIE, check_form
from stageline.ui.headers import dress
from stageline.ui.inbox import Inbox
from stageline.ui.kept import Kept
from stageline.ui.options import PageOptions
from stageline.ui.page import NOTICE_COOKIE, Page
from stageline.ui.rendering import Rendering
from stageline.ui.rights import check as check_right
from stageline.ui.static import Static
from stageline.ui.views import routes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from stageline.ui.view import View
    from stageline.workspace import Workspace

A_MONTH_S = 30 * 24 * 3600
Endpoint = Callable[[Request], Awaitable[Response]]


def add_pages(
    app: FastAPI,
    workspace: Workspace,
    options: PageOptions | None = None,
    more: Iterable[View] = (),
) -> None:
    """Add the pages to an application, at its root or wherever it is mounted.

    Args:
        app: Any application; its answers to addresses that are not there become pages for browsers.
        workspace: The store.
        options: How the pages behave.
        more: Views beside those of every server.
    """
    pages = Pages(workspace, options or PageOptions())
    for view in (*routes(), *more):
        app.router.routes.append(Route(view.path, pages.endpoint(view), methods=list(view.methods)))
    app.router.routes.append(Route("/static/{mark}/{name}", pages.static_file))
    app.add_exception_handler(HTTPException, pages.missing)


class Pages:
    """What all pages share."""

    def __init__(self, workspace: Workspace, options: PageOptions) -> None:
        self._workspace = workspace
        self._options = options
        self._static = Static()
        self._kept = Kept(workspace)
        self._rendering = Rendering(workspace, self._static, is_framed=options.is_framed)

    def endpoint(self, view: View) -> Endpoint:
        """What the router calls for a view."""

        async def answer(request: Request) -> Response:
            place(request.scope, self._options.prefix)
            form = None
            try:
                if request.method == "POST":
                    form = await read_form(request)
                    check_form(request, form)
            except (
                Exception
            ) as error:  # of any kind: it becomes a page as if the view had raised it
                return await run_in_threadpool(self._failed, request, error)
            return await run_in_threadpool(self._answer, request, view, form)

        return answer

    def _answer(self, request: Request, view: View, form: Fields | None) -> Response:
        page = Page(request, self._kept, self._rendering, form)
        try:
            check_right(page, view, request.path_params)
            answer = view.answer(page, **request.path_params)
        except Exception as error:  # of any kind: a reader is told, and the log has the rest
            return self._failed(request, error)
        finally:
            if form is not None:
                self._kept.made(Inbox).forget()
        return self._finished(page, answer)

    def _failed(self, request: Request, error: Exception) -> Response:
        page = Page(request, self._kept, self._rendering)
        return self._finished(page, error_page(page, told(error)))

    def _finished(self, page: Page, answer: Response) -> Response:
        request = page.request
        if "csrf_token" in page.__dict__ and CSRF_COOKIE not in request.cookies:
            page.set_cookie(answer, CSRF_COOKIE, page.csrf_secret, max_age_s=A_MONTH_S)
        if NOTICE_COOKIE in request.cookies and answer.headers.get("content-type", "").startswith(
            "text/html"
        ):
            answer.delete_cookie(NOTICE_COOKIE, path=page.prefix or "/")
        return dress(request, answer, self._options.frame_ancestors, page.policy)

    async def static_file(self, request: Request) -> Response:
        """A file that pages name."""
        place(request.scope, self._options.prefix)
        try:
            answer = await run_in_threadpool(self._static.answer, request, **request.path_params)
        except Exception as error:  # of any kind, as for pages
            return await run_in_threadpool(self._failed, request, error)
        return dress(request, answer, self._options.frame_ancestors)

    async def missing(self, request: Request, error: Exception) -> Response:
        """What no route answers: a page for a browser, JSON for a program."""
        assert isinstance(error, HTTPException)
        if "text/html" not in request.headers.get("accept", ""):
            return missing(error)
        place(request.scope, self._options.prefix)
        found = Told(error.status_code, _SAID.get(error.status_code, error.detail))
        page = Page(request, self._kept, self._rendering)
        answer = await run_in_threadpool(error_page, page, found)
        return self._finished(page, answer)


_SAID = {
    404: "There is no page at this address.",
    405: "This address is for forms: open the page that leads to it.",
}
