"""The bound of serving: the model itself behind the barest application, with no checks and no protocol but this one."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import uvicorn
from scoring_load import training
from sklearn.linear_model import ElasticNet

Message = dict[str, Any]
MODEL = ElasticNet(alpha=0.01).fit(*map(np.asarray, training()))


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer one request."""
    body = (await receive()).get("body", b"")
    answer = b"\n"
    if body:
        rows = json.loads(body)["dataframe_split"]["data"]
        answer = json.dumps({"predictions": MODEL.predict(np.asarray(rows)).tolist()}).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
