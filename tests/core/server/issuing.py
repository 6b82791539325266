"""An identity provider on this machine: it says where its keys are, and signs what it is told to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

AUDIENCE = "stageline"


class Issuing:
    """Until the end of the block."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSAKey.generate_key(2048, {"kid": "a", "use": "sig"}, private=True)]
        self.asked: list[str] = []
        self.is_away = False
        self.says: dict[str, Any] = {}
        """What its description says otherwise than it should."""
        self.redirects_to = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/realms/ml"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Issuing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        if self.redirects_to:
            request.send_response(302)
            request.send_header("Location", self.redirects_to)
            request.end_headers()
            return
        found: Any = None
        if request.path.endswith("/.well-known/openid-configuration"):
            found = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.says}
        elif request.path.endswith("/keys"):
            found = KeySet(self.keys).as_dict(private=False)
        data = json.dumps(found).encode()
        request.send_response(503 if self.is_away else 200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def rotate(self, kid: str) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}, private=True)]

    def token(self, key: Any = None, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """What it signs; a claim that is None is left out."""
        key = key or self.keys[0]
        alg = "RS256" if key.key_type == "RSA" else "ES256"
        now = int(time.time())
        said = {
            "iss": self.url, "aud": AUDIENCE, "sub": "u-1", "email": "ann@example.com", "groups": ["ml"],
            "iat": now, "exp": now + 300, **claims,
        }  # fmt: skip
        told = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": key.kid, **(head or {})}, told, key)
