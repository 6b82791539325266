"""A visit to a page: what was asked, by whom, and the addresses that the answer may name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.datastructures import ImmutableMultiDict

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
    from stageline.ui.kept import Kept
    from stageline.workspace import Workspace

T = TypeVar("T")
PATH_SAFE = "/:@!$&'()*+,;=~"


class Visit:
    """One request of a reader, as views and templates see it. Lives as long as one answer."""

    def __init__(self, request: Request, kept: Kept, form: Fields | None = None) -> None:
        self.request = request
        self.workspace: Workspace = kept.workspace
        self.query: QueryParams = request.query_params
        """What the URL says behind its question mark; `getlist` has all values of a name."""
        self.form: Fields = form or ImmutableMultiDict()
        """What a POST brought; its token has been checked."""
        self.prefix: str = request.scope["stageline.prefix"]
        self._kept = kept

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
        return self._kept.made(make)

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


def _query(pairs: list[tuple[str, Any]]) -> str:
    flat = [
        (name, one)
        for name, value in pairs
        for one in (value if isinstance(value, (list, tuple)) else [value])
        if one is not None
    ]
    return f"?{urlencode(flat)}" if flat else ""
