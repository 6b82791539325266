"""Files in parts, as MLflow's clients ask for it: mpu/create, the parts to URLs of this server, mpu/complete or abort.

A part comes without the credentials of whoever began: its own header lets it in, with what `uploads` made up. A header
rather than the URL, which ends up in logs and in the client's errors.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from stageline.errors import InvalidInput, NotFound
from stageline.models.scoring import JSON, Answer
from stageline.server.auth.rate import Rate
from stageline.server.caller import actor_of
from stageline.server.failures import Refused
from stageline.server.file_places import place_of, split_place
from stageline.server.transfers import Inbox
from stageline.server.upload import AskUpload, Part, Upload, checked_parts
from stageline.server.uploads import Uploads
from stageline.server.wire import check_lists, encode, read_body, required
from stageline.serving.asgi import send_answer
from stageline.serving.forwarded import is_behind_strange_proxy, url_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import ThreadPoolExecutor

    from stageline.server.auth.access import Access
    from stageline.server.replica import Replica
    from stageline.serving.asgi import Receive, Scope, Send

    Allow = Callable[[Scope, Callable[[Access], None]], Awaitable[None]]

MULTIPART: Final = tuple(f"/{api}/2.0/mlflow-artifacts/mpu/" for api in ("api", "ajax-api"))
"""Below these."""
SECRET: Final = "x-stageline-upload"
"""The header that lets a part in."""
_PART_PATH = "/api/2.0/mlflow-artifacts/mpu/part/{}/{}"
_PART = re.compile(
    r"/(?:ajax-)?api/2\.0/mlflow-artifacts/mpu/part/(\d{6}-[0-9a-f]{32})/(\d{1,5})", re.ASCII
)
_SEND_WHOLE = (
    "Multipart upload is not supported for the current artifact repository: send the file whole"
)
"""MLflow's clients look for these words, and then send the file by one PUT, which passes here in bounded memory."""
_TRIES, _TRIES_PER_S = 20, 0.1
"""How often one address may send a part that nothing lets in; each such try asks the store."""


def is_part(method: str, path: str) -> bool:
    """Whether a request brings a part, which says by itself who let it in."""
    return method == "PUT" and path.startswith(MULTIPART) and _PART.fullmatch(path) is not None


class Multipart:
    """Of one worker. `allow` raises unless the caller passes a check."""

    def __init__(self, replica: Replica, threads: ThreadPoolExecutor, allow: Allow) -> None:
        self._replica = replica
        self._limits = replica.options.limits
        self._threads = threads
        self._allow = allow
        self._uploads = Uploads(replica.workspace.store, replica.workspace.clock)
        self._failures = Rate(_TRIES_PER_S, _TRIES)
        self._joining: dict[str, asyncio.Task[None]] = {}

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is below `MULTIPART`."""
        method, path = scope["method"], scope["path"]
        found = _PART.fullmatch(path)
        step, _, folder = path.partition("/mpu/")[2].partition("/")
        if method != ("PUT" if found else "POST"):
            raise Refused(405, "BAD_REQUEST", f"{method} is not allowed here")
        if found:
            etag = await self._keep(scope, receive, found[1], int(found[2]))
            await send_answer(send, Answer(200, b"{}", JSON), (b"etag", etag.encode()))
            return
        if step not in ("create", "complete", "abort"):
            raise NotFound(f"there is no mpu/{step[:50]}: use create, complete or abort")
        home = split_place(folder)[0]
        await self._allow(scope, lambda access: access.check_experiment("write", home))
        ask = await self._read(receive)
        file = _file_in(folder, required("path", ask.path))
        if step == "create":
            said = await self._threaded(self._create, scope, file, ask.num_parts)
            await send_answer(send, Answer(200, encode(said), JSON))
            return
        upload_id = required("upload_id", ask.upload_id)
        if step == "complete":
            await self._complete(
                upload_id, file, [(one.part_number, one.etag) for one in ask.parts]
            )
        else:
            await self._threaded(self._abort, upload_id, file)
        await send_answer(send, Answer(200, b"{}", JSON))

    def _create(self, scope: Scope, file: str, parts: int | None) -> dict[str, Any]:
        if is_behind_strange_proxy(scope):
            raise Refused(501, "NOT_IMPLEMENTED", _SEND_WHOLE)
        place_of(self._replica, file)  # raises where nobody's files lie
        user = self._replica.workspace.settings.user
        lasts_s = self._limits.upload_s
        upload, secret = self._uploads.begin(
            file, 1 if parts is None else parts, lasts_s=lasts_s, by=actor_of(scope, user)
        )
        return {
            "upload_id": upload.upload_id,
            "credentials": [
                {
                    "url": url_of(scope, _PART_PATH.format(upload.upload_id, number)),
                    "part_number": number,
                    "headers": {SECRET: secret},
                }
                for number in range(1, upload.parts + 1)
            ],
        }

    async def _keep(self, scope: Scope, receive: Receive, upload_id: str, number: int) -> str:
        address = scope["client"][0] if scope.get("client") else ""
        if self._failures.wait_s(address, takes=0):
            raise Refused(429, "REQUEST_LIMIT_EXCEEDED", "Too many parts that nothing let in")
        try:
            secret = _header(scope, SECRET.encode())
            upload = await self._threaded(self._uploads.of_secret, upload_id, secret)
        except Refused:
            self._failures.wait_s(address)
            raise
        inbox = Inbox("part")
        try:
            most = self._limits.max_artifact_bytes
            await inbox.fill(receive, self._limits, self._threads, most)
            etag: str = await self._threaded(self._uploads.keep, upload, number, inbox)
            return etag
        finally:
            await self._threaded(inbox.close)

    async def _complete(
        self, upload_id: str, file: str, said: list[tuple[int | None, str | None]]
    ) -> None:
        """Join the parts; a client that lost patience and asks again waits for the same."""
        upload = await self._threaded(self._uploads.of_path, upload_id, file)
        parts = checked_parts(upload, said)
        while (other := self._joining.get(upload_id)) is not None:
            await asyncio.wait([other])
        task = asyncio.ensure_future(self._threaded(self._join, upload, parts))
        self._joining[upload_id] = task
        task.add_done_callback(lambda _: self._joining.pop(upload_id, None))
        await asyncio.shield(task)

    def _join(self, upload: Upload, parts: list[Part]) -> None:
        if self._uploads.is_done(upload, parts):
            return
        place = place_of(self._replica, upload.path)
        folder, _, name = place.path.rpartition("/")
        try:
            most = self._limits.max_artifact_bytes
            with self._uploads.joined(upload, parts, name, most) as path:
                place.files.log_file(path, folder or None)
        except (InvalidInput, NotFound):
            if self._uploads.is_done(upload, parts):  # another server was faster
                return
            raise
        self._uploads.finish(upload, parts)

    def _abort(self, upload_id: str, file: str) -> None:
        self._uploads.abort(self._uploads.of_path(upload_id, file))

    async def _read(self, receive: Receive) -> AskUpload:
        inbox = Inbox("ask")
        try:
            await inbox.fill(receive, self._limits, self._threads, self._limits.max_bytes)
            data = inbox.data
            body = await self._threaded(inbox.path.read_bytes) if data is None else data
        finally:
            await self._threaded(inbox.close)
        ask = read_body(body, AskUpload)
        check_lists(ask)
        return ask

    async def _threaded(self, call: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _file_in(folder: str, local_path: str) -> str:
    """The file's path: clients say the folder, and the file's whole path on their disk, of whichever system."""
    name = re.split(r"[/\\]", local_path)[-1]
    file = f"{folder.rstrip('/')}/{name}"
    if not name or not split_place(file)[1].path:
        raise InvalidInput("Invalid path: it names no file")
    return file


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")
