"""What the server says of itself, and what it does not do: traces."""

from __future__ import annotations

from stageline.models.scoring import PROTOCOL_VERSION, Answer
from stageline.server.endpoint import Call, Endpoint, Nothing
from stageline.server.failures import failure
from stageline.server.mlflow_shapes import Shape
from stageline.serving.asgi import App, Receive, Scope, Send, send_answer

_TRACES = ("/v1/traces", "/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces",
           "/ajax-api/2.0/mlflow/traces", "/ajax-api/3.0/mlflow/traces")  # fmt: skip
_PLAIN = {
    "/health": Answer(200, b"OK", "text/plain"),
    "/version": Answer(200, PROTOCOL_VERSION.encode(), "text/plain"),
}
_NO_TRACES = failure(
    501,
    "NOT_IMPLEMENTED",
    "This server keeps no traces: turn tracing off with mlflow.tracing.disable()",
)


def server_info(call: Call, ask: Nothing) -> Shape:
    """What clients of MLflow 3 ask before they send the first file."""
    return {
        "store_type": "FileStore",
        "workspaces_enabled": False,
        "artifact_serving_enabled": call.replica.options.artifacts == "proxy",
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "artifacts_presigned_only": False,
    }


class About:
    """An ASGI application around another: answers `/health`, `/version` and whatever asks for traces."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "http":
            path = scope["path"]
            if path in _PLAIN and scope["method"] in ("GET", "HEAD"):
                await send_answer(send, _PLAIN[path])
                return
            if any(path == one or path.startswith((one + "/", one + ":")) for one in _TRACES):
                await send_answer(send, _NO_TRACES, closes=True)
                return
        await self._app(scope, receive, send)


ENDPOINTS = [Endpoint("GET", "server-info", Nothing, server_info)]
