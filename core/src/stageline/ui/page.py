"""What a view is given: one request of a page, and the ways to answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stageline.ui.visit import PATH_SAFE, Visit

if TYPE_CHECKING:
    from starlette.requests import Request

    from stageline.ui.asking import Fields
    from stageline.ui.headers import PolicyChange
    from stageline.ui.kept import Kept
    from stageline.ui.rendering import Rendering

NOTICE_COOKIE = "notice"


class Page(Visit):
    """A request to a page. Made by the application; lives as long as one answer."""

    def __init__(
        self, request: Request, kept: Kept, rendering: Rendering, form: Fields | None = None
    ) -> None:
        super().__init__(request, kept, form)
        self.policy: list[PolicyChange] = []
        self._rendering = rendering

    def render(self, template: str, /, *, status: int = 200, **names: Any) -> Response:
        """The page of a template, which sees `names` beside the shell's own."""
        return HTMLResponse(self._rendering.text(self, template, names), status)

    def redirect(
        self, path: str, /, *, status: int = 303, notice: str | None = None, **query: Any
    ) -> Response:
        """To another page, which the browser asks for by GET.

        Args:
            path: As for `url`; may hold a query of its own, as `own_path` returns it.
            status: 303 after a form.
            notice: One line that the next page shows once: what was done.
            query: As for `url`.
        """
        path, mark, own_query = path.partition("?")
        address = self.url(path, **query)
        if mark:
            address += ("&" if "?" in address else "?") + quote(own_query, safe="=&%+" + PATH_SAFE)
        answer = RedirectResponse(address, status)
        if notice is not None:
            self.set_cookie(answer, NOTICE_COOKIE, quote(notice[:300]), max_age_s=60)
        return answer

    def json(self, data: Any, *, status: int = 200) -> Response:
        """Data for a script. A number that JSON does not know becomes null."""
        return Response(msgspec.json.encode(data), status, media_type="application/json")

    def fail(self, status: int, message: str) -> Response:
        """A page that says why not."""
        return self.render("error.html", status=status, code=status, message=message, number=None)

    def allow(self, directive: str, *sources: str) -> None:
        """Widen the policy of this answer: `page.allow("style-src", "'unsafe-inline'")`."""
        self.policy.append((directive, sources))

    def set_cookie(self, answer: Response, name: str, value: str, *, max_age_s: int) -> None:
        """A cookie that no script reads and no other site sends."""
        answer.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path=self.prefix or "/",
            secure=self.request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
