"""Remote stores: retries, credentials, secrets, forks, and how many requests a verb costs."""

from __future__ import annotations

import os
import socket
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from servers import S3Server

from stageline.errors import InvalidInput, NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.storage import remote_packages
from stageline.storage.open import open_store
from stageline.storage.options import Patience
from stageline.storage.remote import RemoteStore
from stageline.testing.clock import FixedClock


class FlakyFileSystem(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's memory, except that each call first raises what stands in `failures`."""

    protocol = "flaky"
    failures: list[Exception] = []  # noqa: RUF012  the test's, on purpose
    made: list[dict[str, Any]] = []  # noqa: RUF012
    calls = 0

    def __init__(self, **options: Any) -> None:
        super().__init__()
        type(self).made.append(options)

    def _fail(self) -> None:
        type(self).calls += 1
        if self.failures:
            raise self.failures.pop(0)

    def cat_file(self, path: str, **options: Any) -> bytes:
        self._fail()
        return bytes(super().cat_file(path, **options))

    def exists(self, path: str, **options: Any) -> bool:
        self._fail()
        return bool(super().exists(path, **options))


class HttpError(Exception):
    """As botocore reports: the facts are in a dictionary."""

    def __init__(self, code: str, status: int, message: str = "refused") -> None:
        super().__init__(f"{code}: {message}")
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


@pytest.fixture(autouse=True)
def flaky() -> Iterator[type[FlakyFileSystem]]:
    fsspec.register_implementation("flaky", FlakyFileSystem, clobber=True)
    FlakyFileSystem.failures = []
    FlakyFileSystem.made = []
    FlakyFileSystem.calls = 0
    FlakyFileSystem.store.clear()
    yield FlakyFileSystem
    FlakyFileSystem.store.clear()


NOW = Patience(0.0, 0.0)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(clock: FixedClock) -> RemoteStore:
    return RemoteStore("flaky://place", clock=clock)


# --- asking again


@pytest.mark.parametrize(
    "failure",
    [
        HttpError("SlowDown", 503),
        HttpError("InternalError", 500),
        HttpError("Unheard", 502),
        HttpError("TooManyRequests", 429),
        ConnectionResetError("reset"),
        TimeoutError("slow"),
    ],
)
def test_passing_failure_is_repeated(
    store: RemoteStore, clock: FixedClock, flaky: type[FlakyFileSystem], failure: Exception
) -> None:
    store.replace("a", b"1")
    flaky.failures = [failure, failure, failure]
    assert store.read("a") == b"1"
    assert 1 <= len(clock.slept) <= 3


def test_repeating_ends_after_the_time_that_was_set(
    clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store = RemoteStore("flaky://place", patience=Patience(retry_for_s=0.0), clock=clock)
    flaky.failures = [HttpError("SlowDown", 503)] * 10
    with pytest.raises(StorageFailed, match="busy or can not be reached"):
        store.read("a")
    assert len(flaky.failures) == 9


def test_store_that_never_answered_is_given_up_sooner_than_one_that_did(
    clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store = RemoteStore(
        "flaky://place", patience=Patience(retry_for_s=30.0, reach_for_s=0.0), clock=clock
    )
    flaky.failures = [ConnectionRefusedError("nobody listens on port 9")]
    with pytest.raises(StorageFailed, match=r"nothing answers.*port 9.*STAGELINE_REACH_FOR_S"):
        store.read("a")
    assert flaky.calls == 1
    store.replace("a", b"1")
    flaky.failures = [ConnectionResetError("restarting")] * 2
    assert store.read("a") == b"1"


def test_store_that_went_silent_is_waited_for_as_one_that_was_never_reached(
    clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store = RemoteStore(
        "flaky://place", patience=Patience(retry_for_s=0.0, reach_for_s=30.0), clock=clock
    )
    store.replace("a", b"1")
    flaky.failures = [ConnectionRefusedError("it is down")]
    with pytest.raises(StorageFailed, match="nothing answers there"):
        store.read("a")
    flaky.failures = [ConnectionRefusedError("it is down")]
    assert store.read("a") == b"1"


def test_create_that_nobody_answered_says_little_of_the_store(
    clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store = RemoteStore(
        "flaky://place", patience=Patience(retry_for_s=30.0, reach_for_s=0.0), clock=clock
    )
    store.replace("a", b"1")
    flaky.failures = [ConnectionResetError("idle for too long")]
    with pytest.raises(StorageFailed):
        store.create("b", b"1")  # sent once
    flaky.failures = [ConnectionResetError("restarting")] * 2
    assert store.read("a") == b"1"


@pytest.mark.parametrize("answer", [HttpError("SlowDown", 503), HttpError("Bad", 400)])
def test_store_that_is_in_trouble_has_answered(
    clock: FixedClock, flaky: type[FlakyFileSystem], answer: Exception
) -> None:
    store = RemoteStore(
        "flaky://place", patience=Patience(retry_for_s=30.0, reach_for_s=0.0), clock=clock
    )
    flaky.failures = [answer]
    with suppress(StorageFailed, NotFound):
        store.read("a")
    flaky.failures = [ConnectionResetError("restarting")] * 2
    with pytest.raises(NotFound):
        store.read("a")
    assert flaky.failures == [], "it was asked again"


def test_create_is_sent_once(store: RemoteStore, flaky: type[FlakyFileSystem]) -> None:
    flaky.failures = [HttpError("SlowDown", 503)]
    with pytest.raises(StorageFailed):
        store.create("a", b"1")
    assert flaky.calls == 1


def test_other_failures_are_not_repeated(store: RemoteStore, flaky: type[FlakyFileSystem]) -> None:
    flaky.failures = [HttpError("InvalidRequest", 400, "no such thing")]
    with pytest.raises(StorageFailed, match="no such thing"):
        store.read("a")
    assert flaky.calls == 1


# --- credentials


@pytest.mark.parametrize(
    "refusal",
    [HttpError("ExpiredToken", 400), HttpError("AccessDenied", 403), PermissionError("Forbidden")],
)
def test_credentials_are_looked_up_once_more(
    store: RemoteStore, clock: FixedClock, flaky: type[FlakyFileSystem], refusal: Exception
) -> None:
    store.replace("a", b"1")
    clock.sleep(3600)
    flaky.failures = [refusal]
    assert store.read("a") == b"1"
    assert len(flaky.made) == 2


def test_create_is_sent_again_with_new_credentials(
    store: RemoteStore, clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store.replace("b", b"1")
    clock.sleep(3600)
    flaky.failures = [PermissionError("expired")]
    assert store.create("a", b"1")


def test_refusal_of_new_credentials_is_told(
    store: RemoteStore, clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    store.replace("a", b"1")
    clock.sleep(3600)
    flaky.failures = [PermissionError("Forbidden")] * 5
    with pytest.raises(Unauthorized, match="renew them"):
        store.read("a")
    assert len(flaky.failures) == 3


def test_fresh_credentials_are_not_looked_up_again(
    store: RemoteStore, flaky: type[FlakyFileSystem]
) -> None:
    flaky.failures = [PermissionError("Forbidden")] * 5
    with pytest.raises(Unauthorized):
        store.read("a")
    assert len(flaky.made) == 1


def test_a_function_of_options_is_asked_at_first_use_and_when_they_are_refused(
    clock: FixedClock, flaky: type[FlakyFileSystem]
) -> None:
    tokens = iter(["token-one", "token-two"])
    store = RemoteStore("flaky://place", lambda: {"token": next(tokens)}, clock=clock)
    assert flaky.made == []
    store.replace("a", b"1")
    clock.sleep(3600)
    flaky.failures = [HttpError("ExpiredToken", 400)]
    assert store.read("a") == b"1"
    assert [made["token"] for made in flaky.made] == ["token-one", "token-two"]

    flaky.failures = [HttpError("InvalidRequest", 400, "token-one, token-two")]
    with pytest.raises(StorageFailed) as caught:
        store.read("a")
    assert "token-" not in everything_shown(caught.value)


def test_credentials_that_can_not_be_looked_up_are_told(clock: FixedClock) -> None:
    def away() -> dict[str, str]:
        raise ConnectionError("the keeper of secrets is away")

    store = RemoteStore("flaky://place", away, clock=clock)
    with pytest.raises(Unauthorized, match=r"could not look up.*is away"):
        store.read("a")


# --- secrets


SECRET_URL = "flaky://someuser:hunter2@place/prefix?token=tok-12345"
SECRET_OPTIONS = {
    "key": "AKIA-EXAMPLE",
    "secret": "wJalrXUtn",
    "client_kwargs": {"aws_session_token": "session-98765", "endpoint_url": "http://here"},
    "connection_string": "AccountKey=abcdef==",
}
SECRETS = [
    "someuser",
    "hunter2",
    "tok-12345",
    "AKIA-EXAMPLE",
    "wJalrXUtn",
    "session-98765",
    "abcdef==",
]


def everything_shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_never_shown(flaky: type[FlakyFileSystem], secret: str) -> None:
    store = RemoteStore(SECRET_URL, SECRET_OPTIONS, clock=FixedClock(), patience=NOW)
    shown = [store.url, repr(store), str(store)]
    calls: list[Callable[[], object]] = [
        lambda: store.read("a"),
        lambda: store.create("a", b"1"),
        lambda: store.open("a", "rb"),
    ]
    for call in calls:
        for failure in (
            HttpError("InvalidAccessKeyId", 403, f"The key {secret} is unknown"),
            HttpError("SlowDown", 503, f"for {secret}"),
            ValueError(f"bad value {secret}"),
        ):
            flaky.failures = [failure] * 4
            with pytest.raises(StagelineError) as caught:
                call()
            shown.append(everything_shown(caught.value))
            flaky.failures = []
    assert not [text for text in shown if secret in text]


def test_secrets_are_not_shown_when_opening_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, **options: Any) -> None:
        raise ValueError(f"can not use {options}")

    monkeypatch.setattr(FlakyFileSystem, "__init__", broken)
    store = RemoteStore(SECRET_URL, SECRET_OPTIONS)
    with pytest.raises(InvalidInput) as caught:
        store.read("a")
    shown = everything_shown(caught.value)
    assert not [secret for secret in SECRETS if secret in shown]
    assert "***" in shown


def test_harmless_failures_keep_their_cause(
    store: RemoteStore, flaky: type[FlakyFileSystem]
) -> None:
    failure = HttpError("InvalidRequest", 400)
    flaky.failures = [failure]
    with pytest.raises(StorageFailed) as caught:
        store.read("a")
    assert caught.value.__cause__ is failure


# --- opening


def test_unknown_protocol_is_told() -> None:
    with pytest.raises(InvalidInput, match="no protocol that fsspec knows"):
        open_store("nonsense://place")


@pytest.mark.parametrize(
    ("url", "extra"),
    [("s3://b", "s3"), ("gs://b", "gcs"), ("abfs://c", "azure"), ("az://c", "azure")],
)
def test_missing_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, extra: str
) -> None:
    monkeypatch.setattr(remote_packages, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=rf"pip install 'stageline\[{extra}\]'"):
        open_store(url)


def test_package_that_overwrites_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_packages, "version", lambda name: "2024.10.0")
    with pytest.raises(InvalidInput, match=r"s3fs 2024\.10\.0 overwrites.*at least 2024\.12"):
        open_store("s3://b")


def test_opening_sends_nothing_and_imports_nothing() -> None:
    assert repr(open_store("s3://bucket/prefix/")) == "RemoteStore('s3://bucket/prefix')"


def test_after_a_fork_a_new_session_is_opened(
    store: RemoteStore, flaky: type[FlakyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace("a", b"1")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert store.read("a") == b"1"
    assert store.read("a") == b"1"
    assert len(flaky.made) == 2


# --- S3 itself


def test_wrong_credentials_are_told(seaweedfs_server: S3Server) -> None:
    options = {**seaweedfs_server.options, "secret": "not-the-secret"}
    store = RemoteStore(seaweedfs_server.new_place(), options)
    calls: list[Callable[[], object]] = [
        lambda: store.read("a"),
        lambda: store.create("a", b"1"),
        lambda: store.list(""),
    ]
    for call in calls:
        with pytest.raises(Unauthorized, match="refused the credentials") as caught:
            call()
        assert "not-the-secret" not in everything_shown(caught.value)


def test_server_that_is_away_is_told(clock: FixedClock) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        server = S3Server(f"http://127.0.0.1:{taken.getsockname()[1]}")
        store = RemoteStore("s3://bucket", server.options, patience=NOW, clock=clock)
        for call in (lambda: store.read("a"), lambda: store.create("a", b"1")):
            with pytest.raises(StorageFailed, match="nothing answers there"):
                call()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The S3 operations that were asked for."""
    import s3fs

    asked: list[str] = []
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *args: Any, **options: Any) -> Any:
        asked.append(method)
        return await call(self, method, *args, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    # Made from the method above when the class was, so it has to be made again.
    monkeypatch.setattr(s3fs.S3FileSystem, "call_s3", fsspec.asyn.sync_wrapper(counted))
    return asked


def test_each_verb_is_one_request(moto_server: S3Server, requests: list[str]) -> None:
    store = open_store(f"{moto_server.new_bucket()}/prefix", moto_server.options)
    for number in range(5):
        store.replace(f"f/{number}", b"1")
    requests.clear()
    store.create("a", b"1")
    store.create("a", b"2")
    store.replace("b", b"1")
    store.read("a")
    store.list("")
    store.list("f/", deep=False, limit=1)
    store.delete("a")
    assert requests == [
        "put_object", "put_object", "put_object", "get_object", "list_objects_v2",
        "list_objects_v2", "delete_object",
    ]  # fmt: skip


def test_small_stream_is_one_request(moto_server: S3Server, requests: list[str]) -> None:
    store = open_store(moto_server.new_bucket(), moto_server.options)
    requests.clear()
    with store.open("a", "wb") as stream:
        stream.write(b"1")
    assert requests == ["put_object"]


def test_long_listing_is_whole(
    moto_server: S3Server, monkeypatch: pytest.MonkeyPatch, requests: list[str]
) -> None:
    store = open_store(moto_server.new_bucket(), moto_server.options)
    keys = [f"f/{number:04d}" for number in range(30)]
    for key in keys:
        store.replace(key, b"1")
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
    requests.clear()
    assert [entry.key for entry in store.list("f/")] == keys
    assert requests == ["list_objects_v2"] * 5
    assert [entry.key for entry in store.list("f/", limit=8)] == keys[:8]


def test_missing_bucket_is_told(moto_server: S3Server) -> None:
    store = open_store(f"s3://absent-{uuid.uuid4().hex}", moto_server.options)
    calls: list[Callable[[], object]] = [
        lambda: store.read("a"),
        lambda: store.create("a", b"1"),
        lambda: store.replace("a", b"1"),
        lambda: store.list(""),
    ]
    for call in calls:
        with pytest.raises(StorageFailed, match="bucket does not exist"):
            call()


def test_folder_markers_of_consoles_are_passed_over(moto_server: S3Server) -> None:
    bucket = moto_server.new_bucket()
    moto_server.fs.call_s3("put_object", Bucket=bucket.removeprefix("s3://"), Key="f/", Body=b"")
    store = open_store(bucket, moto_server.options)
    assert store.list("f/") == []
    with pytest.raises(NotFound):
        store.read("f")


def test_abandoned_upload_leaves_no_parts(moto_server: S3Server) -> None:
    bucket = moto_server.new_bucket()
    store = open_store(bucket, moto_server.options)
    with pytest.raises(KeyError):
        write_and_fail(store, "large")
    uploads = moto_server.fs.call_s3("list_multipart_uploads", Bucket=bucket.removeprefix("s3://"))
    assert not uploads.get("Uploads")


def write_and_fail(store: Any, key: str) -> None:
    with store.open(key, "wb") as stream:
        for _ in range(20):
            stream.write(bytes(1 << 20))
        raise KeyError
