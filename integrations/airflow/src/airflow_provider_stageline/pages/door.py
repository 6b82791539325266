"""What Airflow mounts: it makes the pages when the first request comes, so that loading the plugin costs nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    App = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
        Awaitable[None],
    ]


class PagesDoor:
    """An ASGI application. Airflow loads the plugin in all of its components; only the API server gets requests."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._lock = threading.Lock()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Hand the request on."""
        if self._app is None:
            from anyio.to_thread import run_sync

            await run_sync(self._make)
        assert self._app is not None
        await self._app(scope, receive, send)

    def _make(self) -> None:
        with self._lock:
            if self._app is None:
                from airflow_provider_stageline.pages.mounted import MountedPages

                self._app = MountedPages()
