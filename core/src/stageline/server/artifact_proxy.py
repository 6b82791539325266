"""Files through the server: `mlflow-artifacts:/` of MLflow's clients, and the downloads of its pages."""

from __future__ import annotations

import asyncio
import mimetypes
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from stageline.errors import InvalidInput
from stageline.models.scoring import JSON, Answer
from stageline.server.auth.access import Access
from stageline.server.auth.guard import Guard
from stageline.server.downloads import asked_download, is_download
from stageline.server.failures import Refused, answer_to
from stageline.server.file_places import Place, place_of, split_place
from stageline.server.multipart import MULTIPART, Multipart
from stageline.server.transfers import Inbox, Left, pour, span_of
from stageline.server.wire import encode
from stageline.serving.asgi import App, Receive, Scope, Send, send_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.server.caller import Right
    from stageline.server.replica import Replica

BASES = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
PRESIGNED = tuple(f"/{api}/2.0/mlflow-artifacts/presigned/" for api in ("api", "ajax-api"))
"""Where clients ask for URLs from which they fetch a file in ranges by themselves."""
_BEGINNINGS = (*(f"{base}/" for base in BASES), *MULTIPART, *PRESIGNED)
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"accept-ranges", b"bytes"),
]


class ArtifactProxy:
    """An ASGI application around another: answers the paths of files, and hands the rest on."""

    def __init__(self, app: App, replica: Replica) -> None:
        self._app = app
        self._replica = replica
        self._guard = Guard(replica) if replica.options.auth is not None else None
        self._limits = replica.options.limits
        self._room = asyncio.Semaphore(self._limits.transfers)
        self._threads = ThreadPoolExecutor(self._limits.transfers, thread_name_prefix="transfer")
        self._multipart = Multipart(replica, self._threads, self._allow)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or not _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        begun = [False]

        async def sending(message: Any) -> None:
            begun[0] = True
            await send(message)

        try:
            async with self._room:
                await self._answer(scope, receive, sending)
        except Left:
            return
        except (
            Exception
        ) as error:  # of any kind: whatever it is, the client is told so in MLflow's words
            if begun[0]:
                raise  # its length was told: only the end of the connection says that this is not all
            await send_answer(
                send, answer_to(error, self._replica.secrets), closes=scope["method"] == "PUT"
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        text = scope["query_string"].decode("latin-1")
        query = {key: values[-1] for key, values in parse_qs(text, max_num_fields=20).items()}
        if path.startswith(PRESIGNED):
            raise Refused(501, "NOT_IMPLEMENTED", "Fetch files from here, whole or in ranges")
        if path.startswith(MULTIPART):
            await self._multipart.answer(scope, receive, send)
            return
        download = asked_download(self._replica, path, query)
        if download is not None:
            await self._allow(scope, download.check)
            await self._get(scope, send, download.find)
            return
        _, _, rest = path.partition("/mlflow-artifacts/artifacts")
        rest = rest[1:]
        named = rest or query.get("path") or ""
        if named.strip("/").count("/") >= 2:  # above that there is nothing to have
            right: Right = "read" if method == "GET" else "write"
            home = split_place(named)[0]
            await self._allow(scope, lambda access: access.check_experiment(right, home))
        if not rest and method == "GET":
            answer = await self._threaded(self._listed, query.get("path") or "")
            await send_answer(send, answer)
        elif method == "GET":
            await self._get(scope, send, lambda: place_of(self._replica, rest))
        elif method == "PUT":
            await self._put(scope, receive, send, rest)
        elif method == "DELETE":
            await self._threaded(self._delete, rest)
            await send_answer(send, Answer(200, b"{}", JSON))
        else:
            raise Refused(
                405, "BAD_REQUEST", f"{method} is not allowed here: use GET, PUT or DELETE"
            )

    async def _allow(self, scope: Scope, check: Callable[[Access], None]) -> None:
        """Raise `Refused` unless the caller passes the check, where callers are known."""
        if self._guard is not None:
            caller = self._guard.caller(scope)
            if not caller.is_unlimited:
                await self._threaded(check, Access(self._guard.homes, caller))

    # -- out --------------------------------------------------------------------------------------

    async def _get(self, scope: Scope, send: Send, find: Any) -> None:
        place, source, size = await self._threaded(_opened, find)
        try:
            span = span_of(_header(scope, b"range"), size)
            first, count = span or (0, size)
            headers = [
                (b"content-type", (mimetypes.guess_type(place.path)[0] or "application/octet-stream").encode()),
                (b"content-length", str(count).encode()),
                (b"content-disposition", _attachment(place.path)),
                *_SAFE,
            ]  # fmt: skip
            if span:
                last = first + count - 1
                headers.append((b"content-range", f"bytes {first}-{last}/{size}".encode()))
            status = 206 if span else 200
            await send({"type": "http.response.start", "status": status, "headers": headers})
            if not count:
                await send({"type": "http.response.body", "body": b""})
            await pour(source, first, count, send, self._threads, self._limits.body_timeout_s)
        finally:
            await self._threaded(source.close)

    def _listed(self, path: str) -> Answer:
        if path.strip("/").count("/") < 2:  # above everybody's files: nothing to show
            return Answer(200, b"{}", JSON)
        place = place_of(self._replica, path)
        return Answer(200, encode(listing(place)), JSON)

    # -- in ---------------------------------------------------------------------------------------

    async def _put(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        place = await self._threaded(place_of, self._replica, path)
        if not place.path:
            raise InvalidInput("Invalid path: it names no file")
        folder, _, name = place.path.rpartition("/")
        inbox = Inbox(name)
        try:
            most = self._limits.max_artifact_bytes
            await inbox.fill(receive, self._limits, self._threads, most)
            data = inbox.data
            if data is not None:
                await self._threaded(place.files.log_bytes, data, place.path)
            else:
                await self._threaded(place.files.log_file, inbox.path, folder or None)
        finally:
            await self._threaded(inbox.close)
        await send_answer(send, Answer(200, b"{}", JSON))

    def _delete(self, path: str) -> None:
        place = place_of(self._replica, path)
        place.files.delete(place.path)

    async def _threaded(self, call: Any, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, call, *arguments)


def listing(place: Place) -> dict[str, Any]:
    """What lies directly in a folder, by names; `{}` where there is nothing."""
    files = [
        {"path": one.path.rpartition("/")[2], "is_dir": one.is_dir}
        | ({} if one.file_size is None else {"file_size": one.file_size})
        for one in place.files.list(place.path)
    ]
    return {"files": files} if files else {}


def _opened(find: Any) -> tuple[Place, Any, int]:
    place = find()
    source = place.files.open(place.path)
    try:
        size = source.seek(0, 2)
        source.seek(0)
    except BaseException:
        source.close()
        raise
    return place, source, size


def _is_ours(path: str) -> bool:
    return path.startswith(_BEGINNINGS) or path in BASES or is_download(path)


def _attachment(path: str) -> bytes:
    name = path.rpartition("/")[2]
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}".encode()


def _header(scope: Scope, name: bytes) -> str | None:
    found = next((value for key, value in scope["headers"] if key == name), None)
    return None if found is None else found.decode("latin-1")
