"""Files that arrive in parts: whole once they are complete, seen by nobody before, let in by a secret alone."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from asking import Asked, Reply
from knocking import Knocking

from stageline.server.multipart import MULTIPART, SECRET
from stageline.server.options import Limits, Options
from stageline.server.uploads import MOST_PARTS
from stageline.storage import layout
from stageline.testing.clock import FixedClock
from stageline.tracking.collect import Collector
from stageline.workspace import Workspace

MPU = MULTIPART[0]
DAY_MS = 86_400_000


class Sending:
    """A client that sends one file in parts."""

    def __init__(
        self, server: Any, run_id: str, count: int = 2, *, folder: str = "d", local: str = "/x/f"
    ) -> None:
        self.server = server
        self.place = f"0/{run_id}/artifacts/{folder}".rstrip("/")
        self.local = local
        self.begun = self.ask("create", num_parts=count)
        self.upload_id = self.begun.json.get("upload_id", "")
        self.credentials = self.begun.json.get("credentials", [])

    def ask(self, step: str, /, **more: Any) -> Reply:
        body = json.dumps({"path": self.local, **more}).encode()
        reply: Reply = self.server.ask("POST", f"{MPU}{step}/{self.place}", body)
        return reply

    def part(self, number: int, data: bytes, *, at: Asked | None = None, **headers: str) -> Reply:
        given = self.credentials[number - 1]
        path = urlsplit(given["url"]).path
        return (at or self.server).ask("PUT", path, data, headers={**given["headers"], **headers})

    def parts(self, *data: bytes) -> list[dict[str, Any]]:
        """All parts, sent; what to say of them at the end."""
        return [
            {"part_number": n, "etag": self.part(n, one).headers["etag"], "url": "u"}
            for n, one in enumerate(data, 1)
        ]

    def complete(self, parts: list[dict[str, Any]]) -> Reply:
        return self.ask("complete", upload_id=self.upload_id, parts=parts)

    def abort(self) -> Reply:
        return self.ask("abort", upload_id=self.upload_id)


def uploads(workspace: Workspace) -> list[str]:
    return [entry.key for entry in workspace.store.list(layout.UPLOADS)]


def test_parts_become_the_file_that_a_put_would_have_made(
    server: Asked, workspace: Workspace
) -> None:
    run_id = server.run()
    sending = Sending(server, run_id, 3)
    assert [one["part_number"] for one in sending.credentials] == [1, 2, 3]
    assert sending.credentials[0]["url"].startswith("http://127.0.0.1/")
    large = bytes(range(256)) * 8192  # more than is held in memory
    told = sending.parts(large, b"middle", b"end")
    assert workspace.artifacts(run_id).list() == []  # nobody sees half of it
    assert sending.complete(told[::-1]).status == 200
    whole = large + b"middle" + b"end"
    assert workspace.artifacts(run_id).read("d/f") == whole
    noted = workspace.runs.files(run_id)["d/f"]
    assert (noted.size, noted.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert not any(key.endswith(".part") for key in uploads(workspace))


def test_etag_is_the_digest_and_the_last_of_two_tries_does_not_replace_the_first(
    server: Asked, workspace: Workspace
) -> None:
    run_id = server.run()
    sending = Sending(server, run_id)
    told = sending.parts(b"one", b"two")
    assert told[0]["etag"] == f'"{hashlib.sha256(b"one").hexdigest()}"'
    assert sending.part(1, b"another try").status == 200
    assert sending.complete(told).status == 200
    assert workspace.artifacts(run_id).read("d/f") == b"onetwo"


def test_complete_that_is_asked_again_says_yes_and_with_other_parts_no(
    server: Asked, workspace: Workspace
) -> None:
    run_id = server.run()
    sending = Sending(server, run_id)
    told = sending.parts(b"one", b"two")
    other = [{**told[0], "etag": told[1]["etag"]}, told[1]]
    replies: list[int] = []
    threads = [
        threading.Thread(target=lambda: replies.append(sending.complete(told).status))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [200] * 4
    assert sending.complete(other).status == 400
    assert workspace.artifacts(run_id).read("d/f") == b"onetwo"


def test_another_server_of_the_store_takes_parts_and_completes(
    server: Asked, workspace: Workspace
) -> None:
    run_id = server.run()
    sending = Sending(server, run_id)
    with Asked(workspace) as another:
        tags = [
            sending.part(1, b"one").headers["etag"],
            sending.part(2, b"two", at=another).headers["etag"],
        ]
        sending.server = another
        told = [{"part_number": n, "etag": tag} for n, tag in enumerate(tags, 1)]
        assert sending.complete(told).status == 200
    sending.server = server
    assert sending.complete(told).status == 200
    assert workspace.artifacts(run_id).read("d/f") == b"onetwo"


@pytest.mark.parametrize(
    ("local", "folder", "path"),
    [
        ("f", "", "f"),
        ("/data/ann/f", "a/b", "a/b/f"),
        ("C:\\Users\\ann\\f", "a", "a/f"),
        ("../../etc/f", "a", "a/f"),
    ],
)
def test_name_is_the_last_of_the_local_path(
    server: Asked, workspace: Workspace, local: str, folder: str, path: str
) -> None:
    run_id = server.run()
    sending = Sending(server, run_id, 1, folder=folder, local=local)
    assert sending.complete(sending.parts(b"x")).status == 200
    assert workspace.artifacts(run_id).read(path) == b"x"


@pytest.mark.parametrize("local", ["", "/", "d/", "..", "a/..", "a\x00b", "x/."])
def test_path_that_names_no_file_is_400(server: Asked, workspace: Workspace, local: str) -> None:
    assert Sending(server, server.run(), local=local).begun.status == 400
    assert uploads(workspace) == []


@pytest.mark.parametrize("place", ["..", "a/../../b", "%2e%2e/x", "a%5Cb"])
def test_folder_outside_of_the_run_is_400(server: Asked, workspace: Workspace, place: str) -> None:
    assert Sending(server, server.run(), folder=place).begun.status == 400
    assert uploads(workspace) == []


def test_run_that_is_not_there_is_404(server: Asked, workspace: Workspace) -> None:
    assert Sending(server, "0" * 32).begun.status == 404
    assert uploads(workspace) == []


@pytest.mark.parametrize("count", [0, -1, MOST_PARTS + 1])
def test_number_of_parts_that_can_not_be_is_400(server: Asked, count: int) -> None:
    assert Sending(server, server.run(), count).begun.status == 400


def test_part_needs_its_own_secret(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    mine, other = Sending(server, run_id), Sending(server, run_id, local="g")
    secret = other.credentials[0]["headers"][SECRET]
    for wrong in ("", "x", secret, secret + "=", "é"):
        reply = mine.part(1, b"x", **{SECRET: wrong})
        assert (reply.status, reply.code) == (403, "PERMISSION_DENIED"), wrong
    for path in (
        f"{MPU}part/{mine.upload_id[:-1]}0/1",
        f"{MPU}part/020000-{'0' * 32}/1",
    ):
        if path.endswith(f"{mine.upload_id}/1"):
            continue
        assert server.ask("PUT", path, b"x", headers={SECRET: secret}).status == 403
    assert not any(key.endswith(".part") for key in uploads(workspace))


def test_who_keeps_guessing_is_told_to_wait(server: Asked) -> None:
    sending = Sending(server, server.run())
    seen = {sending.part(1, b"x", **{SECRET: "guess"}).status for _ in range(25)}
    assert seen == {403, 429}


def test_secret_is_in_the_store_as_a_digest_alone(server: Asked, workspace: Workspace) -> None:
    sending = Sending(server, server.run())
    secret = sending.credentials[0]["headers"][SECRET]
    raw = workspace.store.read(layout.upload_made(sending.upload_id))
    assert secret.encode() not in raw
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in raw
    assert secret not in sending.credentials[0]["url"]  # which clients write into their errors


def test_part_out_of_bounds_or_with_nothing_in_it_is_400(
    server: Asked, workspace: Workspace
) -> None:
    sending = Sending(server, server.run())
    for number in (0, 3, 99999):
        sending.credentials[0]["url"] = f"http://x{MPU}part/{sending.upload_id}/{number}"
        assert sending.part(1, b"x").status == 400
    assert sending.part(2, b"").status == 400
    assert len(uploads(workspace)) == 1


def test_part_comes_too_late(workspace: Workspace) -> None:
    clock = FixedClock(1_000 * DAY_MS)
    workspace = Workspace(workspace.store, workspace.settings, clock)
    with Asked(workspace) as server:
        sending = Sending(server, server.run())
        clock.sleep(Limits().upload_s - 1)
        assert sending.part(1, b"x").status == 200
        clock.sleep(1)
        reply = sending.part(2, b"x")
        assert (reply.status, reply.code) == (403, "PERMISSION_DENIED")


def test_parts_that_are_not_what_was_sent_make_no_file(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    sending = Sending(server, run_id)
    one, two = sending.parts(b"one", b"two")
    for told in (
        [],
        [one],
        [one, one],
        [one, {**two, "part_number": 3}],
        [one, {**two, "part_number": 0}],
        [one, {**two, "etag": ""}],
        [one, {**two, "etag": "x"}],
        [one, {**two, "etag": one["etag"]}],
        [one, {"part_number": 2}],
        [one, two, {**two, "part_number": 3}],
    ):
        assert sending.complete(told).status == 400, told
    assert workspace.artifacts(run_id).list() == []
    assert sending.complete([one, two]).status == 200


def test_part_that_rotted_makes_no_file(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    sending = Sending(server, run_id, 1)
    told = sending.parts(b"one")
    (key,) = [key for key in uploads(workspace) if key.endswith(".part")]
    workspace.store.replace(key, b"rot")
    assert (sending.complete(told).status, workspace.artifacts(run_id).list()) == (500, [])


def test_file_and_part_that_are_too_long_are_413(workspace: Workspace) -> None:
    with Asked(workspace, Options(limits=Limits(max_artifact_bytes=5))) as server:
        run_id = server.run()
        sending = Sending(server, run_id)
        assert sending.part(1, b"123456").status == 413
        assert sending.complete(sending.parts(b"123", b"456")).status == 413
        assert workspace.artifacts(run_id).list() == []


def test_upload_is_of_one_file_alone(server: Asked, workspace: Workspace) -> None:
    run_id, another = server.run(), server.run()
    sending = Sending(server, run_id)
    told = sending.parts(b"one", b"two")
    place = sending.place
    for there in (f"0/{another}/artifacts/d", f"0/{run_id}/artifacts/e"):
        sending.place = there
        assert sending.complete(told).status == 404
        assert sending.abort().status == 404
    sending.place = place
    assert sending.complete(told).status == 200
    assert workspace.artifacts(another).list() == []


def test_abort_leaves_nothing_and_lets_nothing_in(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    sending = Sending(server, run_id)
    told = sending.parts(b"one", b"two")
    assert sending.abort().status == 200
    assert uploads(workspace) == []
    assert sending.part(1, b"one").status == 403
    assert sending.complete(told).status == 404
    assert workspace.artifacts(run_id).list() == []


def test_client_that_leaves_in_a_part_leaves_nothing(server: Asked, workspace: Workspace) -> None:
    import asyncio

    sending = Sending(server, server.run())
    given = sending.credentials[0]

    async def left() -> list[Any]:
        said: list[Any] = []
        parts = [{"type": "http.request", "body": b"half", "more_body": True}]

        async def receive() -> Any:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        headers = [(k.encode(), v.encode()) for k, v in given["headers"].items()]
        scope = {
            "type": "http", "method": "PUT", "path": urlsplit(given["url"]).path, "scheme": "http",
            "query_string": b"", "headers": [*headers, (b"content-length", b"100")],
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await server.app(scope, receive, send)
        return said

    assert asyncio.run_coroutine_threadsafe(left(), server.loop).result(30) == []
    assert len(uploads(workspace)) == 1


def test_what_was_left_half_way_is_garbage_after_two_days(workspace: Workspace) -> None:
    clock = FixedClock(1_000 * DAY_MS)
    workspace = Workspace(workspace.store, workspace.settings, clock)
    with Asked(workspace) as server:
        sending = Sending(server, server.run())
        sending.parts(b"one", b"two")
        left = uploads(workspace)
        collector: Collector = workspace.collector()
        assert collector.plan().keys == []
        clock.sleep(2 * 86_400)
        assert sorted(collector.plan().keys) == left
        collector.mark(collector.plan())
        clock.sleep(86_400)
        collector.collect(collector.due())
        assert uploads(workspace) == []


def test_proxy_that_nobody_named_gets_no_addresses(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    body = b'{"path": "f", "num_parts": 2}'
    path = f"{MPU}create/0/{run_id}/artifacts"
    reply = server.ask("POST", path, body, headers={"x-forwarded-for": "1.2.3.4"})
    assert (reply.status, reply.code) == (501, "NOT_IMPLEMENTED")
    begins = "Multipart upload is not supported for the current artifact repository"
    assert reply.json["message"].startswith(begins)  # then clients send the file whole
    assert uploads(workspace) == []


def test_addresses_are_those_of_the_proxy_that_is_trusted(workspace: Workspace) -> None:
    with Asked(workspace, Options(proxies=("127.0.0.1",))) as server:
        run_id = server.run()
        sent = {
            "x-forwarded-for": "1.2.3.4",
            "x-forwarded-host": "ml.example.com",
            "x-forwarded-proto": "https",
            "x-forwarded-prefix": "/ml",
        }
        body = b'{"path": "f", "num_parts": 1}'
        reply = server.ask("POST", f"{MPU}create/0/{run_id}/artifacts", body, headers=sent)
        (given,) = reply.json["credentials"]
        assert given["url"].startswith(f"https://ml.example.com/ml{MPU}part/")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "create/0/{}/artifacts", 405),
        ("PUT", "create/0/{}/artifacts", 405),
        ("POST", "other/0/{}/artifacts", 404),
        ("POST", "part/020000-0123456789abcdef0123456789abcdef/1", 405),
        ("POST", "create", 400),
        ("POST", "create/0", 404),
    ],
)
def test_what_is_no_step_is_refused(server: Asked, method: str, path: str, status: int) -> None:
    reply = server.ask(method, MPU + path.format(server.run()), b'{"path": "f"}')
    assert reply.status == status


def test_files_are_not_fetched_from_elsewhere(server: Asked) -> None:
    signed = server.ask("GET", f"/api/2.0/mlflow-artifacts/presigned/0/{server.run()}/artifacts/x")
    assert (signed.status, signed.code) == (501, "NOT_IMPLEMENTED")


# -- who may --------------------------------------------------------------------------------------


def test_upload_takes_the_right_to_write_and_its_parts_take_the_secret_alone(
    workspace: Workspace,
) -> None:
    with Knocking(workspace) as server:
        root = server.who("admin", name="root")
        home = root.experiment("team-a/wine")
        run_id = root.run(home)
        path = f"{home}/{run_id}/artifacts"
        body = b'{"path": "f", "num_parts": 1}'
        reader = server.who("read")
        stranger = server.who("write", experiments=["team-b/*"])
        writer = server.who("write", experiments=["team-a/*"])
        for who, status in ((server.nobody, 401), (reader, 403), (stranger, 403)):
            for step in ("create", "complete", "abort"):
                assert who.ask("POST", f"{MPU}{step}/{path}", body).status == status
        made = writer.ask("POST", f"{MPU}create/{path}", body).json
        upload_id, (given,) = made["upload_id"], made["credentials"]
        place = urlsplit(given["url"]).path
        assert server.nobody.ask("PUT", place, b"x").status == 403
        sent = server.ask("PUT", place, b"x", headers=given["headers"])
        assert sent.status == 200
        etag = sent.headers["etag"]
        told = {"path": "f", "upload_id": upload_id, "parts": [{"part_number": 1, "etag": etag}]}
        for who, status in ((server.nobody, 401), (stranger, 403), (writer, 200)):
            reply = who.ask("POST", f"{MPU}complete/{path}", json.dumps(told).encode())
            assert reply.status == status
        assert workspace.artifacts(run_id).read("f") == b"x"
        # The secret opens nothing else.
        file = f"/api/2.0/mlflow-artifacts/artifacts/{path}/f"
        for method, there in (("GET", file), ("PUT", file), ("GET", place), ("DELETE", place)):
            assert server.ask(method, there, b"y", headers=given["headers"]).status == 401
