"""The page on which a browser gives a token once, and gets a cookie for it. Needs none of the other pages."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from stageline.models.scoring import Answer
from stageline.server.auth.credentials import SESSION_COOKIE
from stageline.server.auth.paths import SIGN_IN, SIGN_OUT
from stageline.server.auth.sessions import LASTS_MS
from stageline.server.auth.token import taken_apart
from stageline.serving.asgi import Receive, Scope, Send, send_answer
from stageline.serving.bodies import BodyRefused, read_body
from stageline.serving.order import Limits
from stageline.ui.asking import place

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.server.auth.known_tokens import KnownTokens
    from stageline.server.auth.sessions import Sessions

_LIMITS = Limits(max_bytes=8192, body_timeout_s=10)
_SAFE = (
    (b"content-security-policy", b"default-src 'none'; form-action 'self'; base-uri 'none'; "
     b"frame-ancestors 'none'; style-src 'sha256-%s'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
)  # fmt: skip


class SignInPage:
    """Answers `/sign-in` and `/sign-out`."""

    def __init__(
        self, tokens: KnownTokens, sessions: Sessions, clock: Clock, prefix: str = ""
    ) -> None:
        self._prefix = prefix
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request; False if somebody came with what is no token."""
        place(scope, self._prefix)
        if scope["method"] in ("GET", "HEAD") and scope["path"] == SIGN_IN:
            await self._show(send, scope, _next(scope["query_string"]))
            return True
        if scope["method"] != "POST":
            await send_answer(send, Answer(405, b"use GET or POST", "text/plain"))
            return True
        if _is_from_elsewhere(scope):
            said = b"this form was not sent by the page itself"
            await send_answer(send, Answer(403, said, "text/plain"), closes=True)
            return True
        if scope["path"] == SIGN_OUT:
            await self._redirect(send, scope, SIGN_IN, _cookie(scope, "", 0))
            return True
        try:
            body = await read_body(scope, receive, _LIMITS)
        except BodyRefused as error:
            await send_answer(send, error.answer, closes=True)
            return True
        return body is None or await self._sign_in(scope, send, body)

    async def send_there(self, scope: Scope, send: Send) -> None:
        """A browser that has not signed in, to the page on which it can."""
        place(scope, self._prefix)
        query = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        await self._redirect(send, scope, f"{SIGN_IN}?next={quote(wanted, safe='')}", None)

    async def _sign_in(self, scope: Scope, send: Send, body: bytes) -> bool:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        presented = taken_apart(fields.get("token", [""])[-1].strip())
        caller = None if presented is None else await self._tokens.caller(presented)
        wanted = _own_path(fields.get("next", ["/"])[-1])
        if presented is None or caller is None:
            await self._show(send, scope, wanted, "That token is not known here, or has ended.")
            return False
        value = self._sessions.signed(presented.token_id, self._clock.now_ms())
        await self._redirect(send, scope, wanted, _cookie(scope, value, LASTS_MS // 1000))
        return True

    async def _show(self, send: Send, scope: Scope, wanted: str, problem: str = "") -> None:
        action = html.escape(scope["stageline.prefix"] + SIGN_IN)
        said = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
        text = _TEXT.format(style=_STYLE, action=action, next=html.escape(wanted), said=said)
        answer = Answer(401 if problem else 200, text.encode(), "text/html; charset=utf-8")
        await send_answer(send, answer, *_HEADERS)

    async def _redirect(self, send: Send, scope: Scope, path: str, cookie: bytes | None) -> None:
        place_ = quote(scope["stageline.prefix"] + path, safe="/:?&=%+,;@~!$'()*")
        headers = [(b"location", place_.encode()), (b"cache-control", b"no-store")]
        if cookie is not None:
            headers.append((b"set-cookie", cookie))
        await send_answer(send, Answer(303, b"", "text/plain"), *headers)


def _cookie(scope: Scope, value: str, lasts_s: int) -> bytes:
    # Both are of signs that a cookie may hold: the one is signed here, the other was checked to be a path.
    parts = [f"{SESSION_COOKIE}={value}", f"Path={scope['stageline.prefix'] or '/'}"]
    parts += [f"Max-Age={lasts_s}", "HttpOnly", "SameSite=Lax"]
    if scope["scheme"] == "https":
        parts.append("Secure")
    return "; ".join(parts).encode()


def _next(query: bytes) -> str:
    return _own_path(parse_qs(query.decode("latin-1"), max_num_fields=10).get("next", ["/"])[-1])


def _own_path(path: str) -> str:
    """A path of this server; the front door for anything that leads elsewhere."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own and "\\" not in path else "/"


def _is_from_elsewhere(scope: Scope) -> bool:
    """Whether another site's page sent this: the door refuses foreign origins, and this what has no origin at all."""
    sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    return any(value not in (b"same-origin", b"none") for value in sites)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem;"
    "color-scheme:light dark}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;"
    "margin:.25rem 0}"
)
_TEXT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in - Stageline</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{style}</style></head>
<body><main><h1>Sign in</h1>{said}
<form method="post" action="{action}"><input type="hidden" name="next" value="{next}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button></form>
<p>Whoever runs this server makes tokens: <code>stageline server tokens create</code></p>
</main></body></html>
"""


def _headers() -> tuple[tuple[bytes, bytes], ...]:
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest())
    return ((_SAFE[0][0], _SAFE[0][1].replace(b"%s", digest)), *_SAFE[1:])


_HEADERS = _headers()
