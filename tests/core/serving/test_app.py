"""One worker's application: what it takes and refuses, without a socket."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import until

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from scored import ANSWERS, answers
from scoring_cases import CASES

from stageline.models.loading import LoadedModel, load_folder
from stageline.models.saving import Details, save_model
from stageline.models.trust import Trust
from stageline.serving.app import OWN, Following, create_app
from stageline.serving.door import Door
from stageline.serving.hosts import is_known, is_loopback, is_own_origin
from stageline.serving.invocations import Invocations
from stageline.serving.order import Limits, Order

MODELS = Path(__file__).parents[1] / "models"
RECORDED = json.loads((MODELS / "fixtures" / "scoring" / "mlflow-3.17.2.json").read_text())
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("answers") / "model"
    save_model(answers, folder, "pyfunc", details=Details(pip_requirements=[]))
    return load_folder(folder, trust=Trust(allow_pickle=True))


class Held:
    """A model that answers when it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.go = threading.Event()
        self.signature = None

    def predict(self, data: Any, params: Any = None) -> list[int]:
        self.asked.release()
        assert self.go.wait(60)
        return [1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.like, name)


@pytest.fixture
def held(model: LoadedModel) -> Held:
    found = Held()
    found.like = model
    return found


class Site:
    """An application, and a client of it."""

    def __init__(self, model: Any, folder: Path, **limits: Any) -> None:
        hosts = limits.pop("hosts", ())
        self.stuck = threading.Event()
        self.order = Order(
            uri="models:/wine/Production", label="models:/wine/3", folder=str(folder), hosts=hosts,
            limits=Limits(**limits), is_followed=True,
        )  # fmt: skip
        self.invocations = Invocations(model, self.order.limits, self.stuck.set)
        self.following = Following()
        self.door = Door(create_app(model, self.order, self.invocations, self.following), hosts)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.door), base_url="http://127.0.0.1:5001"
        )

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        async def asking() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, **request)

        return asyncio.run(asking())

    def run(self, act: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        async def acting() -> None:
            async with self.client() as client:
                await act(client)

        asyncio.run(acting())


@pytest.fixture
def site(model: LoadedModel, tmp_path: Path) -> Site:
    return Site(model, tmp_path)


BODY = json.dumps({"inputs": ["floats"]}).encode()


# -- what it says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RECORDED["pages"]))
def test_page_is_that_of_mlflow(site: Site, path: str) -> None:
    ours, theirs = site.ask("GET", path), RECORDED["pages"][path]
    assert (ours.status_code, ours.headers["content-type"]) == (theirs["status"], theirs["type"])
    assert ours.json() == json.loads(theirs["body"]) if theirs["body"][0] == "{" else theirs["body"]


def test_answer_over_http_is_that_of_mlflow(site: Site) -> None:
    recorded = {one["name"]: one for one in RECORDED["answers"]}
    for case in (one for one in CASES if one.name.startswith(("answer ", "type "))):
        theirs = recorded[case.name]
        if case.model != "answers":
            continue
        ours = site.ask(
            "POST",
            "/invocations",
            content=case.body,
            headers={"Content-Type": case.content_type or ""},
        )
        assert (ours.status_code, ours.headers["content-type"]) == (
            theirs["status"],
            theirs["type"],
        )
        assert ours.text == theirs["body"]
    unsupported = site.ask("POST", "/invocations", content=BODY, headers={"Content-Type": "text/x"})
    assert (unsupported.status_code, unsupported.headers["content-type"]) == (
        415,
        "text/plain; charset=utf-8",
    )
    assert ANSWERS


def test_own_page_says_what_is_served(site: Site) -> None:
    site.following.trouble = "models:/wine/4 can not be loaded: corrupt"
    own = site.ask("GET", OWN).json()
    assert own["model"] == "models:/wine/3"
    assert own["following"] == {"trouble": "models:/wine/4 can not be loaded: corrupt"}
    assert own["flavor"] == "pyfunc"


def test_docs_page_needs_no_other_host(site: Site) -> None:
    page = site.ask("GET", "/docs")
    assert page.status_code == 200
    assert "/invocations" in page.text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_openapi_document_describes_every_path(site: Site) -> None:
    document = site.ask("GET", "/openapi.json").json()
    assert set(document["paths"]) == {"/invocations", "/ping", "/health", "/version"}
    responses = document["paths"]["/invocations"]["post"]["responses"]
    assert set(responses) == {"200", "400", "408", "413", "415", "429", "504"}


def test_example_of_the_model_is_in_the_document() -> None:
    folder = MODELS / "fixtures" / "mlflow-3.17.2-sklearn"
    document = Site(load_folder(folder), folder).ask("GET", "/openapi.json").json()
    body = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    assert "dataframe_split" in body["example"]


# -- limits -----------------------------------------------------------------------------------------------


def test_one_request_more_than_the_limit_is_told_to_come_again(held: Held, tmp_path: Path) -> None:
    site = Site(held, tmp_path, concurrency=2, threads=1)

    async def act(client: httpx.AsyncClient) -> None:
        first = asyncio.create_task(client.post("/invocations", content=BODY, headers=JSON))
        await asyncio.to_thread(held.asked.acquire)
        second = asyncio.create_task(client.post("/invocations", content=BODY, headers=JSON))
        while site.invocations.taken < 2:
            await asyncio.sleep(0)
        refused = await client.post("/invocations", content=BODY, headers=JSON)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
        assert (await client.get("/ping")).status_code == 200, "busy is not sick"
        held.go.set()
        assert [(await first).status_code, (await second).status_code] == [200, 200]
        assert (await client.post("/invocations", content=BODY, headers=JSON)).status_code == 200
        assert site.invocations.taken == 0

    site.run(act)


def test_body_over_the_limit_is_refused_whatever_its_length_says(
    model: LoadedModel, tmp_path: Path
) -> None:
    site = Site(model, tmp_path, max_bytes=100)
    long = site.ask("POST", "/invocations", content=b"x" * 101, headers=JSON)
    assert long.status_code == 413
    assert long.headers["connection"] == "close"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 50

    chunked = site.ask("POST", "/invocations", content=chunks(), headers=JSON)
    assert chunked.status_code == 413
    assert "content-length" not in chunked.request.headers
    lying = site.ask(
        "POST", "/invocations", content=chunks(), headers={**JSON, "Content-Length": "10"}
    )
    assert lying.status_code == 413
    assert site.ask("POST", "/invocations", content=BODY, headers=JSON).status_code == 200
    assert site.invocations.taken == 0


def test_body_that_does_not_arrive_is_given_up(model: LoadedModel, tmp_path: Path) -> None:
    site = Site(model, tmp_path, body_timeout_s=0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    late = site.ask("POST", "/invocations", content=never(), headers=JSON)
    assert late.status_code == 408
    assert site.invocations.taken == 0


def test_client_that_leaves_frees_its_place(model: LoadedModel, tmp_path: Path) -> None:
    site = Site(model, tmp_path)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": []}
    asyncio.run(site.invocations(scope, receive, send))
    assert sent == []
    assert site.invocations.taken == 0


def test_prediction_that_takes_too_long_is_given_up_and_its_thread_keeps_its_place(
    held: Held, tmp_path: Path
) -> None:
    site = Site(held, tmp_path, timeout_s=0.05, concurrency=1, threads=1)

    async def act(client: httpx.AsyncClient) -> None:
        late = await client.post("/invocations", content=BODY, headers=JSON)
        assert (late.status_code, late.text) == (504, "Request processing time exceeded limit")
        busy = await client.post("/invocations", content=BODY, headers=JSON)
        assert busy.status_code == 429, "the thread still computes"
        assert await asyncio.to_thread(site.stuck.wait, 60), "the parent is told"
        held.go.set()
        while site.invocations.taken:
            await asyncio.sleep(0.001)
        assert (await client.post("/invocations", content=BODY, headers=JSON)).status_code == 200

    site.run(act)


def test_request_that_waits_too_long_for_a_thread_frees_its_place(
    held: Held, tmp_path: Path
) -> None:
    site = Site(held, tmp_path, timeout_s=0.2, threads=1)

    async def act(client: httpx.AsyncClient) -> None:
        asking = [client.post("/invocations", content=BODY, headers=JSON) for _ in range(3)]
        assert {one.status_code for one in await asyncio.gather(*asking)} == {504}
        assert site.invocations.taken == 1, "only the one that has the thread"
        held.go.set()

    site.run(act)
    until(lambda: site.invocations.is_idle, "the thread's end")


# -- who asks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:5001", 200), ("localhost", 200), ("LOCALHOST:80", 200), ("[::1]:5001", 200), ("127.3.2.1", 200),
        ("scoring.example.com:5001", 200), ("evil.com", 403), ("127.0.0.1.evil.com", 403), ("localhost.evil.com", 403),
        ("evil.com#localhost", 403), ("localhost@evil.com", 403), ("127.0.0.1:5001:80", 403), ("", 403),
        ("evil.com/localhost", 403), ("[::1", 403), ("localhost:", 403), ("0.0.0.0", 403), ("10.0.0.1", 403),
    ],
)  # fmt: skip
def test_host_that_is_not_this_machine_is_refused(
    model: LoadedModel, tmp_path: Path, host: str, status: int
) -> None:
    site = Site(model, tmp_path, hosts=("scoring.example.com",))
    for path in ("/ping", "/docs", OWN):
        assert site.ask("GET", path, headers={"Host": host}).status_code == status
    answer = site.ask("POST", "/invocations", content=BODY, headers={**JSON, "Host": host})
    assert answer.status_code == status


def test_page_of_another_site_may_not_ask(site: Site) -> None:
    for origin, status in {
        "http://localhost:5001": 200, "http://localhost:3000": 403, "https://localhost": 403, "http://evil.com": 403,
        "http://localhost.evil.com": 403, "file://localhost": 403, "null": 403, "http://127.0.0.1:5001": 403,
    }.items():  # fmt: skip
        headers = {**JSON, "Host": "localhost:5001", "Origin": origin}
        answer = site.ask("POST", "/invocations", content=BODY, headers=headers)
        assert answer.status_code == status, origin


def test_any_host_is_taken_where_the_server_is_for_all(model: LoadedModel, tmp_path: Path) -> None:
    site = Site(model, tmp_path, hosts=None)
    assert site.ask("GET", "/ping", headers={"Host": "scoring.internal"}).status_code == 200


@given(st.binary(max_size=30))
def test_no_host_header_is_an_error_of_ours(value: bytes) -> None:
    assert is_known(value, ()) in (True, False)
    assert is_own_origin(b"http://" + value, b"localhost:1") in (True, False)
    assert is_own_origin(b"http://" + value, value) or not is_known(value, ())


def test_loopback_is_told_by_its_meaning() -> None:
    assert all(
        map(is_loopback, ["localhost", "127.0.0.1", "::1", "[::1]", "127.8.8.8", "localhost."])
    )
    assert not any(map(is_loopback, ["0.0.0.0", "", "example.com", "10.0.0.1", "::"]))


def test_closing_server_asks_clients_to_come_by_another_connection(site: Site) -> None:
    site.door.is_closing = True
    for answer in (
        site.ask("GET", "/ping"),
        site.ask("POST", "/invocations", content=BODY, headers=JSON),
    ):
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"


def test_answer_that_was_begun_before_the_end_says_so_too(held: Held, tmp_path: Path) -> None:
    site = Site(held, tmp_path)

    async def act(client: httpx.AsyncClient) -> None:
        asking = asyncio.create_task(client.post("/invocations", content=BODY, headers=JSON))
        await asyncio.to_thread(held.asked.acquire)
        site.door.is_closing = True
        held.go.set()
        assert (await asking).headers["connection"] == "close"

    site.run(act)
