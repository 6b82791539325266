"""The real MLflow client sends a file in parts, through two servers of one store that take turns."""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

sys.path.insert(0, str(Path(__file__).parents[1] / "core" / "server"))

import mlflow
from mlflow.exceptions import MlflowException
from running import Running

from stageline.workspace import Workspace

MB = 1 << 20


@contextmanager
def taking_turns(ports: list[int]) -> Iterator[int]:
    """The port of a balancer: each connection to it goes to the next of `ports`."""
    turns = itertools.cycle(ports)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:  # it was closed
                    return
                far = socket.create_connection(("127.0.0.1", next(turns)))
                threading.Thread(target=carry, args=(near, far), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def carry(near: socket.socket, far: socket.socket) -> None:
    """What either says to the other, until one has said all."""
    with near, far, selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select():
                said: Any = key.fileobj
                data = said.recv(65536)
                if not data:
                    return
                key.data.sendall(data)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("servers")
    store = str(folder / "store")
    with ExitStack() as running:
        ports = [
            running.enter_context(Running(store, folder / name, "--log-format", "text")).port
            for name in "ab"
        ]
        yield running.enter_context(taking_turns(ports))


@pytest.fixture
def client(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.MlflowClient]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 * MB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MB))
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory, port: int) -> Workspace:
    store = tmp_path_factory.getbasetemp() / "servers0" / "store"
    return Workspace.open(store)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_client_sends_a_file_in_parts(
    client: mlflow.MlflowClient, workspace: Workspace, tmp_path: Path
) -> None:
    data = os.urandom(17 * MB + 5)
    (tmp_path / "weights.bin").write_bytes(data)
    run_id = client.create_run("0").info.run_id
    client.log_artifact(run_id, str(tmp_path / "weights.bin"), "models")
    made = [e for e in workspace.store.list("uploads/") if e.key.endswith("/done.json")]
    assert len(made) == 1, "it went in parts"
    assert workspace.artifacts(run_id).read("models/weights.bin") == data  # checked by its digest
    (tmp_path / "back").mkdir()
    back = client.download_artifacts(run_id, "models/weights.bin", str(tmp_path / "back"))
    assert Path(back).read_bytes() == data


@pytest.mark.filterwarnings("ignore")
def test_client_whose_part_fails_takes_all_of_it_back(
    client: mlflow.MlflowClient,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    sent = HttpArtifactRepository._upload_part

    def upload(credential: Any, local_file: str, size: int, start_byte: int) -> Any:
        if credential.part_number == 2:
            credential.headers = {}
        return sent(credential, local_file, size, start_byte)

    monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(upload))
    (tmp_path / "f").write_bytes(os.urandom(12 * MB))
    run_id = client.create_run("0").info.run_id
    before = {entry.key for entry in workspace.store.list("uploads/")}
    with pytest.raises(MlflowException, match="at least one part"):
        client.log_artifact(run_id, str(tmp_path / "f"))
    assert {entry.key for entry in workspace.store.list("uploads/")} == before
    assert workspace.artifacts(run_id).list() == []
