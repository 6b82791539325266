"""The first who sees a request when callers have to say who they are: finds it out, or refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from stageline.errors import StagelineError
from stageline.models.scoring import Answer
from stageline.server.auth.access import refused
from stageline.server.auth.credentials import Credentials, credentials_of
from stageline.server.auth.identity_provider import IdentityProvider
from stageline.server.auth.known_tokens import KnownTokens
from stageline.server.auth.paths import PUBLIC, SIGN_IN, SIGN_OUT, is_judged_later, is_page
from stageline.server.auth.rate import Rate
from stageline.server.auth.sessions import Sessions
from stageline.server.auth.sign_in_page import SignInPage
from stageline.server.auth.token import taken_apart
from stageline.server.auth.token_store import Tokens
from stageline.server.failures import answer_to, failure
from stageline.server.multipart import is_part
from stageline.serving.asgi import App, Receive, Scope, Send, send_answer

if TYPE_CHECKING:
    from stageline.registry.webhook_sending import Resolve
    from stageline.server.auth.options import AuthOptions
    from stageline.server.caller import Caller
    from stageline.server.replica import Replica

TRIES_PER_S, TRIES = 0.2, 20
"""How often one address may come with what is no token: enough for a mistake, and for a client that repeats it."""
CHALLENGES = (
    (b"www-authenticate", b'Basic realm="stageline", charset="UTF-8"'),
    (b"www-authenticate", b'Bearer realm="stageline"'),
)


class SignIn:
    """An ASGI application around another: puts the caller into the state of each request that it hands on."""

    def __init__(
        self,
        app: App,
        replica: Replica,
        options: AuthOptions,
        resolve: Resolve | None = None,
    ) -> None:
        self._app = app
        self._replica = replica
        clock = replica.workspace.clock
        threads = ThreadPoolExecutor(4, thread_name_prefix="sign-in")
        self._clock = clock
        self._tokens = KnownTokens(Tokens(replica.workspace.store, clock), clock, threads)
        self._provider = None
        if options.issuer is not None:
            apart = ThreadPoolExecutor(2, thread_name_prefix="identity")  # it may be slow to answer
            self._provider = IdentityProvider(options.issuer, clock, apart, resolve)
        self._sessions = Sessions(options.session_key)
        self._failures = Rate(TRIES_PER_S, TRIES)
        self._rate = Rate(options.rate_per_s, options.burst) if options.rate_per_s else None
        pages = replica.options.pages
        prefix = "" if pages is None else pages.prefix
        self._page = SignInPage(self._tokens, self._sessions, clock, prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its caller, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nobody speaks anything else
        path = scope["path"]
        if path in PUBLIC or is_part(scope["method"], path):
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        if path in (SIGN_IN, SIGN_OUT):
            await self._sign(scope, receive, send, address)
            return
        try:
            sent = credentials_of(scope)
            caller = self._recalled(sent) or await self._found(sent, address)
        except _Refusal as refusal:
            await self._refuse(scope, send, refusal)
            return
        except (
            StagelineError
        ) as error:  # the store does not answer, or holds a token that is damaged
            await self._tell(send, error)
            return
        await self._admit(scope, receive, send, caller)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        wait_s = self._rate.wait_s(caller.key) if self._rate is not None else 0.0
        if wait_s:
            await send_answer(send, _TOO_OFTEN, _after(wait_s), closes=True)
        elif not caller.is_unlimited and not is_judged_later(scope["path"]):
            await send_answer(send, answer_to(refused(caller, "use", "this path")), closes=True)
        else:
            # Not the state itself, which others may share.
            state = {**(scope.get("state") or {}), "caller": caller, "actor": caller.name}
            scope["state"] = state
            await self._app(scope, receive, send)

    def _recalled(self, sent: Credentials) -> Caller | None:
        """Whose credentials these are, where that is known without waiting."""
        presented = taken_apart(sent.token) if sent.token else None
        if presented is not None:
            return self._tokens.recall(presented)[1]
        if sent.token and self._provider is not None:
            return self._provider.recall(sent.token)
        return None

    async def _found(self, sent: Credentials, address: str) -> Caller:
        """Whose credentials these are. Raises `_Refusal`."""
        if not (sent.token or sent.session or sent.is_odd):
            raise _Refusal(_NOBODY)
        wait_s = self._failures.wait_s(address, takes=0)
        if wait_s:
            raise _Refusal(_TOO_MANY_TRIES, wait_s)
        caller = await self._looked_up(sent)
        if caller is None:
            self._failures.wait_s(address)
            raise _Refusal(_UNKNOWN)
        return caller

    async def _looked_up(self, sent: Credentials) -> Caller | None:
        if sent.session:
            token_id = self._sessions.token_id(sent.session, self._clock.now_ms())
            return None if token_id is None else await self._tokens.caller_of_id(token_id)
        presented = taken_apart(sent.token)
        if presented is not None:
            return await self._tokens.caller(presented)
        if sent.token and self._provider is not None:
            return await self._provider.caller(sent.token)
        return None

    async def _sign(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        wait_s = self._failures.wait_s(address, takes=0)
        if wait_s:
            await send_answer(send, _TOO_MANY_TRIES, _after(wait_s), closes=True)
            return
        try:
            if not await self._page.answer(scope, receive, send):
                self._failures.wait_s(address)
        except StagelineError as error:
            await self._tell(send, error)

    async def _tell(self, send: Send, error: StagelineError) -> None:
        await send_answer(send, answer_to(error, self._replica.secrets), closes=True)

    async def _refuse(self, scope: Scope, send: Send, refusal: _Refusal) -> None:
        if refusal.wait_s:
            await send_answer(send, refusal.answer, _after(refusal.wait_s), closes=True)
        elif scope["method"] == "GET" and is_page(scope["path"]) and _is_browser(scope):
            await self._page.send_there(scope, send)
        else:
            await send_answer(send, refusal.answer, *CHALLENGES, closes=True)


class _Refusal(Exception):
    def __init__(self, answer: Answer, wait_s: float = 0.0) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.wait_s = wait_s


def _is_browser(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _after(wait_s: float) -> tuple[bytes, bytes]:
    return b"retry-after", str(max(1, round(wait_s + 0.5))).encode()


_NOBODY = failure(
    401,
    "UNAUTHENTICATED",
    "Say who you are: set MLFLOW_TRACKING_TOKEN to a token, or MLFLOW_TRACKING_PASSWORD with any "
    "MLFLOW_TRACKING_USERNAME. `stageline server tokens create` makes one",
)
_UNKNOWN = failure(
    401,
    "UNAUTHENTICATED",
    "The token is not known here, has expired or was revoked: ask whoever runs the server for another one",
)
_TOO_MANY_TRIES = failure(
    429,
    "REQUEST_LIMIT_EXCEEDED",
    "Too many tries from this address with what is no token: try again later",
)
_TOO_OFTEN = failure(
    429, "REQUEST_LIMIT_EXCEEDED", "More requests than this token may send: try again in a moment"
)
