"""Serving by real processes on loopback: start, load, drain, death and replacement."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import until
from served import Clients, Reply, Served, save_answering

pytestmark = pytest.mark.slow


def test_workers_share_the_port_and_end_with_their_parent(answering: Path, tmp_path: Path) -> None:
    with Served(answering, tmp_path, "--workers", "2").ready() as served:
        pids: set[int] = set()

        def both() -> bool:
            pids.add(served.predict().pid)
            return len(pids) == 2

        until(both, "answers of two workers")
        workers = [psutil.Process(pid) for pid in pids]
        assert served.end() == 0
    assert not any(worker.is_running() for worker in workers)


def test_nothing_that_was_begun_is_lost_when_the_server_stops(
    answering: Path, tmp_path: Path
) -> None:
    with Served(answering, tmp_path, "--workers", "2").ready() as served:
        with Clients(served, 6) as clients:
            until(lambda: clients.outcomes[200] > 50, "answers")
            assert served.end() == 0
            until(lambda: clients.outcomes["refused"] == 6, "refusals")
        assert clients.outcomes["lost"] == 0, clients.errors
        assert set(clients.outcomes) == {200, "refused"}


def test_long_prediction_is_answered_though_the_server_stops_and_new_ones_are_refused(
    answering: Path, tmp_path: Path
) -> None:
    with Served(answering, tmp_path).ready() as served:
        replies: list[Reply] = []
        asking = threading.Thread(target=lambda: replies.append(served.predict(3)))
        asking.start()
        until(lambda: _is_busy(served), "a prediction that runs")
        served.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", served.port)).close()
            except ConnectionRefusedError:
                return True
            return False

        until(refused, "a refusal")
        asking.join()
        assert replies[0].status == 200
        assert replies[0].headers["connection"] == "close"
        assert served.process.wait(30) == 0


def _asked(served: Served) -> Iterator[Reply]:
    """Answers without end: on a busy machine the first may come too late."""
    while True:
        yield served.predict()


def _is_busy(served: Served) -> bool:
    """Whether the last worker has got the request: its connection is established and read."""
    return any(
        connection.status == "ESTABLISHED"
        for child in served.children()
        for connection in child.net_connections(kind="tcp")
    )


def test_worker_that_is_killed_is_replaced(answering: Path, tmp_path: Path) -> None:
    with Served(answering, tmp_path, "--workers", "2").ready() as served:
        killed = served.predict().pid
        os.kill(killed, signal.SIGKILL)
        until(
            lambda: f"worker {killed} died with exit code -9: replacing it" in served.text, "a word"
        )
        pids: set[int] = set()

        def two_again() -> bool:
            pids.add(served.predict().pid)
            return len(pids) == 2

        until(two_again, "two workers")
        assert killed not in pids


def test_model_that_kills_its_process_takes_no_other_request_along(
    answering: Path, tmp_path: Path
) -> None:
    with Served(answering, tmp_path, "--workers", "2").ready() as served:
        with pytest.raises((OSError, http.client.HTTPException)):
            served.predict(-1)
        assert served.predict().status == 200


def test_workers_go_when_their_parent_was_killed(answering: Path, tmp_path: Path) -> None:
    with Served(answering, tmp_path).ready() as served:
        worker = psutil.Process(served.predict().pid)
        served.process.kill()
        served.process.wait()
        until(lambda: not worker.is_running() or worker.status() == "zombie", "the worker's end")


def test_prediction_that_does_not_end_costs_its_worker_and_nobody_else(
    answering: Path, tmp_path: Path
) -> None:
    with Served(answering, tmp_path, "--timeout", "1", "--threads", "1").ready() as served:
        first = next(reply.pid for reply in _asked(served) if reply.status == 200)
        assert served.predict(600).status == 504
        until(lambda: "held by a prediction that does not end" in served.text, "a word")
        pids: list[int] = []

        def replaced() -> bool:
            reply = served.predict(0)
            pids.extend([reply.pid] if reply.status == 200 else [])
            return bool(pids)

        until(replaced, "an answer")
        assert first not in pids


def test_port_answers_only_when_the_model_is_loaded(tmp_path: Path) -> None:
    folder = save_answering(tmp_path / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Served(folder, tmp_path, "--port", str(port)) as served:
        refusals = 0
        while True:
            assert served.process.poll() is None, served.text
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", "/ping")
                break
            except ConnectionRefusedError:
                refusals += 1
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"\n"), "whoever gets in gets an answer"
        assert refusals
        connection.close()


def test_model_that_can_not_be_loaded_ends_the_server_with_its_reason(
    answering: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(answering, broken)
    (broken / "python_model.pkl").write_bytes(b"changed")
    with Served(broken, tmp_path) as served:
        assert served.process.wait(60) == 9
        assert "error: " in served.text
        assert "changed since" in served.text
    with Served(tmp_path / "nowhere", tmp_path) as served:
        assert served.process.wait(60) == 3


def test_taken_port_is_told(answering: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Served(answering, tmp_path, "--port", str(port)) as served:
            assert served.process.wait(60) == 2
            assert "can not be listened on" in served.text


def test_second_signal_ends_it_at_once(answering: Path, tmp_path: Path) -> None:
    with Served(answering, tmp_path).ready() as served:
        asking = threading.Thread(target=lambda: _ignore_loss(served))
        asking.start()
        until(lambda: _is_busy(served), "a prediction that runs")
        begun = time.monotonic()
        served.process.send_signal(signal.SIGINT)
        until(lambda: "stopping" in served.text, "the first signal's word")
        assert served.end(signal.SIGINT) == 0
        assert time.monotonic() - begun < 60
        asking.join()


def _ignore_loss(served: Served) -> None:
    try:
        served.predict(600)
    except (OSError, http.client.HTTPException):
        return
