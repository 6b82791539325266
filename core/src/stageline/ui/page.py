"""One request of a page: what was asked, by whom, and the ways to answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stageline.errors import InvalidInput
from stageline.server.auth.credentials import SESSION_COOKIE
from stageline.server.caller import ANYBODY, Caller, Right, actor_of, caller_of
from stageline.ui.forgery import CSRF_COOKIE, masked, new_secret
from stageline.ui.homes import Homes

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from stageline.ui.asking import Fields
    from stageline.ui.headers import PolicyChange
    from stageline.ui.rendering import Rendering
    from stageline.workspace import Workspace

T = TypeVar("T")
NOTICE_COOKIE = "notice"
PATH_SAFE = "/:@!$&'()*+,;=~"


class Page:
    """A request to a page. Made by the application; lives as long as one answer."""

    def __init__(self, request: Request, rendering: Rendering, form: Fields | None = None) -> None:
        self.request = request
        self.workspace: Workspace = rendering.workspace
        self.query: QueryParams = request.query_params
        """What the URL says behind its question mark; `getlist` has all values of a name."""
        self.form: Fields = form or ImmutableMultiDict()
        """What a POST brought; its token has been checked."""
        self.prefix: str = request.scope["stageline.prefix"]
        self.policy: list[PolicyChange] = []
        self._rendering = rendering

    # -- what was asked ---------------------------------------------------------------------------

    @property
    def caller(self) -> Caller:
        """Who asks, with what they may."""
        return caller_of(self.request.scope)

    @property
    def actor(self) -> str:
        """The caller's name; where nobody is asked who they are, see `actor_of`."""
        return actor_of(self.request.scope, self.workspace.settings.user)

    @property
    def signed_in(self) -> str | None:
        """The caller's name, where callers are asked who they are."""
        return None if self.caller is ANYBODY else self.caller.name

    @property
    def has_session(self) -> bool:
        """Whether they signed in on a page, so that they may sign out."""
        return SESSION_COOKIE in self.request.cookies

    def may(self, right: Right, *, experiment: str | None = None, model: str | None = None) -> bool:
        """Whether the reader may do so with an experiment or a model, by name: for what a list shows, or a button."""
        caller = self.caller
        return caller.is_unlimited or caller.may(right, experiment=experiment, model=model)

    def experiment_of(self, run_id: str) -> str:
        """The id of a run's experiment. Raises `NotFound`."""
        return self.kept(Homes).of(run_id)

    @property
    def path(self) -> str:
        """Of this page, without the prefix."""
        return str(self.request.scope["stageline.path"])

    @property
    def start(self) -> int:
        """The first row of a list's page, from 0, as its pager says in the URL. Raises `InvalidInput`."""
        text = self.query.get("start", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise InvalidInput(f"start should be the number of a row, from 0, not {text[:40]!r}")
        return int(text)

    @property
    def now_ms(self) -> int:
        """Unix time in milliseconds, by the workspace's clock."""
        return self.workspace.clock.now_ms()

    @property
    def theme(self) -> str | None:
        """`light` or `dark`, where the reader chose; None: as their system has it."""
        chosen = self.request.cookies.get("theme")
        return chosen if chosen in ("light", "dark") else None

    @cached_property
    def csrf_secret(self) -> str:
        """What forms must bring back; the reader's browser keeps it in a cookie."""
        return self.request.cookies.get(CSRF_COOKIE) or new_secret()

    @cached_property
    def csrf_token(self) -> str:
        """The secret as this answer writes it: never twice the same, so that compression tells nothing of it."""
        return masked(self.csrf_secret)

    def kept(self, make: Callable[[Workspace], T]) -> T:
        """What `make` makes of the workspace, once for all pages of this process: a cache of facts, say."""
        return self._rendering.kept(make)

    # -- addresses --------------------------------------------------------------------------------

    def url(self, path: str, /, **query: Any) -> str:
        """The address of a page below the prefix; a list in `query` is repeated, None is left out.

        `path` is what the reader would say: it is quoted here.
        """
        return self.prefix + quote(path, safe=PATH_SAFE) + _query(list(query.items()))

    def url_with(self, **changes: Any) -> str:
        """The address of this page with some names of its query changed; None removes one."""
        kept = [pair for pair in self.query.multi_items() if pair[0] not in changes]
        return self.prefix + quote(self.path, safe=PATH_SAFE) + _query([*kept, *changes.items()])

    def own_path(self, address: str) -> str:
        """What a form said it came from, as a path for `redirect`; the front door if it is none of ours."""
        path = address.removeprefix(self.prefix) if self.prefix else address
        is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
        return path if is_ours and path.isprintable() else "/"

    # -- answers ----------------------------------------------------------------------------------

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


def _query(pairs: list[tuple[str, Any]]) -> str:
    flat = [
        (name, one)
        for name, value in pairs
        for one in (value if isinstance(value, (list, tuple)) else [value])
        if one is not None
    ]
    return f"?{urlencode(flat)}" if flat else ""
