"""Pages in a real browser: served on a port of their own, with an eye on what goes wrong and what it costs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from browser import WITHIN_S
from fastapi import FastAPI
from processes import until

from stageline.ui.app import add_pages
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def served(workspace: Workspace) -> Iterator[str]:
    """The pages on a port of their own."""
    app = FastAPI()
    add_pages(app, workspace)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            until(lambda: server.started, "serving")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(WITHIN_S)
    assert not thread.is_alive()


def listened(page: Page) -> list[str]:
    """What goes wrong on a page, as it does."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: wrong.append(message.text) if message.type in ("error", "trace") else None,
    )
    return wrong


def counted(page: Page) -> list[int]:
    """Bytes of each answer, as they cross the wire."""
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes
