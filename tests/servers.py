"""Object stores to test against: moto in a thread, SeaweedFS as a real server, nanio as a careless one.

Each starts once for a whole session, also when pytest-xdist runs it in several processes: the first
worker that needs one starts it and writes down where, under a file lock, and the last one stops it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

KEY, SECRET = "stageline-test-key", "stageline-test-secret"
SEAWEEDFS_KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
START_WITHIN_S = 60.0

# Kept for as long as this process lives: a collected Popen warns that its process is still running.
_started: list[subprocess.Popen[bytes]] = []


class S3Server:
    """Where a server that speaks S3 listens."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @property
    def options(self) -> dict[str, Any]:
        """fsspec's storage options for it."""
        return {
            "key": KEY,
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": self.endpoint, "region_name": "us-east-1"},
        }

    def environment(self) -> dict[str, str]:
        """The same for a child process, in the variables that every AWS client reads."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def new_bucket(self) -> str:
        """The URL of a fresh, empty bucket."""
        name = f"b-{uuid.uuid4().hex[:20]}"
        self.fs.call_s3("create_bucket", Bucket=name)
        return f"s3://{name}"

    @cached_property
    def fs(self) -> Any:  # fsspec has no types
        """A file system on the whole server; making one costs half a second."""
        import s3fs

        return s3fs.S3FileSystem(**self.options, skip_instance_cache=True)

    @cached_property
    def _shared_bucket(self) -> str:
        return self.new_bucket()

    def new_place(self) -> str:
        """The URL of a fresh, empty prefix in a bucket that others share; quicker than a bucket."""
        return f"{self._shared_bucket}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    """moto in a thread of this process: quick, and complete in its conditional requests."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}")
    server.stop()


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS, a server that people run in production; one for all workers."""
    weed = _program("weed")
    with _shared(
        tmp_path_factory, "seaweedfs", lambda folder: _start_seaweedfs(weed, folder)
    ) as at:
        yield S3Server(at)


@pytest.fixture(scope="session")
def nanio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that accepts If-None-Match and ignores it."""
    nanio = _program("nanio")
    with _shared(tmp_path_factory, "nanio", lambda folder: _start_nanio(nanio, folder)) as at:
        yield S3Server(at)


@pytest.fixture
def moto_bucket(moto_server: S3Server) -> str:
    """A fresh bucket on moto."""
    return moto_server.new_bucket()


@pytest.fixture
def seaweedfs_bucket(seaweedfs_server: S3Server) -> str:
    """A fresh bucket on SeaweedFS."""
    return seaweedfs_server.new_bucket()


@pytest.fixture
def nanio_bucket(nanio_server: S3Server) -> str:
    """A fresh bucket on nanio."""
    return nanio_server.new_bucket()


def _program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed in this environment")
    return found


def _start_seaweedfs(weed: str, folder: Path) -> tuple[int, str]:
    command, url = seaweedfs_command(weed, folder, free_ports(12))
    return _start(command, folder, url, {**os.environ, **SEAWEEDFS_KEYS})


def seaweedfs_command(
    weed: str, folder: Path, ports: list[int], host: str = "127.0.0.1"
) -> tuple[list[str], str]:
    """What starts SeaweedFS with its data in `folder`, on these twelve ports, and where its S3 answers then."""
    # Each of its servers would take a fixed port, and a second one a fixed distance away.
    master, volume, filer, s3, *rpc = ports
    command = [
        weed, "-logtostderr=true", "mini", f"-dir={folder}", f"-ip={host}", f"-ip.bind={host}",
        "-admin.ui=false", f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}",
        f"-filer.port={filer}", f"-master.port.grpc={rpc[0]}", f"-volume.port.grpc={rpc[1]}",
        f"-filer.port.grpc={rpc[2]}", f"-s3.port.grpc={rpc[3]}", f"-admin.port={rpc[4]}",
        f"-admin.port.grpc={rpc[5]}", "-webdav=false", "-s3.port.iceberg=0",
        "-s3.port.lance=0", "-s3.iam.readOnly=false",
    ]  # fmt: skip
    return command, f"http://{host}:{s3}"


def _start_nanio(nanio: str, folder: Path) -> tuple[int, str]:
    (port,) = free_ports(1)
    command = [nanio, "serve", f"--data-dir={folder}", "--host=127.0.0.1", f"--port={port}"]
    keys = {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
    return _start(command, folder, f"http://127.0.0.1:{port}", {**os.environ, **keys})


def _start(command: list[str], folder: Path, url: str, env: dict[str, str]) -> tuple[int, str]:
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
        )
    _started.append(process)
    give_up = time.monotonic() + START_WITHIN_S
    while not answers(url):
        if process.poll() is not None or time.monotonic() > give_up:
            tail = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{command[0]} did not start: {tail}")
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    return process.pid, url


def answers(url: str) -> bool:
    """Whether a server says anything there but that it is in trouble."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code < 500
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    # Hold each until all are known, or the same one comes twice.
    held: list[socket.socket] = []
    while len(held) < count:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        held.append(listener)
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


@contextmanager
def _shared(
    factory: pytest.TempPathFactory, name: str, start: Callable[[Path], tuple[int, str]]
) -> Iterator[str]:
    """The address of the one server that all workers of this session share."""
    base = factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if is_worker else base) / f"server-{name}"
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        state = _read_state(folder)
        if not state:
            (folder / "data").mkdir()
            pid, address = start(folder / "data")
            state = {"pid": pid, "address": address, "users": 0}
        _write_state(folder, {**state, "users": state["users"] + 1})
    try:
        yield state["address"]
    finally:
        with _locked(folder):
            state = _read_state(folder)
            state["users"] -= 1
            if state["users"]:
                _write_state(folder, state)
                _leave_running(state["pid"])
            else:
                _stop(state["pid"])
                shutil.rmtree(folder / "data", ignore_errors=True)
                (folder / "state.json").unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read_state(folder: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError):
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        return state
    return {}


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    (folder / "state.json").write_text(json.dumps(state))


def _leave_running(pid: int) -> None:
    for process in _started:
        if process.pid == pid:
            process.returncode = 0  # or Popen warns, when this worker ends, that it is running


def _stop(pid: int) -> None:
    # Only the process that we started; it is the leader of its own session.
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    for process in _started:
        if process.pid == pid:
            process.wait(timeout=START_WITHIN_S)
