"""The bound of the server's rows: a body read and appended to a file, with no checks and no protocol but this one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

Message = dict[str, Any]
LOG = os.open("bare.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
RUN = {"info": {"run_id": "r"}, "data": {"metrics": [{}]}}


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer one request."""
    answer = b"{}"
    if scope["path"].endswith(("log-metric", "log-batch")):
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        json.loads(body)
        os.write(LOG, body)
    elif scope["path"].endswith(("create", "get")):
        answer = json.dumps({"run": RUN}).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
