"""What a server tells of itself: figures that add up over workers, and lines that hold nothing a client sent."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from asking import API, Asked
from processes import until
from prometheus_client.parser import text_string_to_metric_families
from running import Running

from stageline.errors import NotFound
from stageline.server.auth.options import AuthOptions
from stageline.server.caller import Caller, Grant
from stageline.server.figures import sharing
from stageline.server.figures.exposition import exposed
from stageline.server.figures.request_log import JsonLines, RequestLog
from stageline.server.options import Options
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.workspace import Workspace

POINTS = "/api/2.0/mlflow/runs/log-metric"


def figures(text: bytes) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels, route and method first."""
    order = ("route", "method", "status", "le", "reason", "verb")
    return {
        (
            sample.name,
            *(sample.labels[one] for one in order if one in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def told(server: Asked) -> dict[tuple[str, ...], float]:
    return figures(server.ask("GET", "/metrics").content)


def test_requests_are_counted_by_route_and_status(server: Asked) -> None:
    run_id = server.run()
    for _ in range(3):
        server.made("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    server.post("runs/log-metric", run_id=run_id)
    server.ask("GET", "/api/stageline/1/models/nothing")
    found = told(server)
    assert found["stageline_requests_total", POINTS, "POST", "200"] == 3
    assert found["stageline_requests_total", POINTS, "POST", "400"] == 1
    assert found["stageline_requests_total", "/api/stageline/1/models/{name}", "GET", "404"] == 1
    assert found["stageline_request_seconds_count", POINTS, "POST"] == 4
    assert found["stageline_request_seconds_bucket", POINTS, "POST", "+Inf"] == 4
    assert found["stageline_refused_total", "invalid"] == 1
    assert found["stageline_open_runs",] == 1
    assert found["stageline_requests_in_flight",] == 1  # this one
    assert found["stageline_resident_memory_bytes",] > 1 << 20
    assert told(server)["stageline_requests_total", "/metrics", "GET", "200"] == 1


def test_no_label_holds_what_a_client_made_up(server: Asked) -> None:
    for path in ("/secret-1", f"{API}secret-2", "/api/stageline/1/secret-3", "/get-artifact"):
        server.ask("GET", path)
    server.ask("SECRET", f"{API}runs/get")
    server.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/secret-4/artifacts/a", b"x")
    text = server.ask("GET", "/metrics").content.decode()
    assert "secret" not in text.lower()
    assert "mlflow-artifacts/artifacts/{path}" in text


def test_what_is_asked_of_the_store_is_counted_and_what_waits_for_it(tmp_path: Path) -> None:
    store = MemoryStore(f"memory://{tmp_path.name}")
    with Asked(Workspace(store, Settings(cache=str(tmp_path / "cache")))) as server:
        before = told(server)["stageline_store_requests_total", "read"]
        run_id = server.run()
        server.made("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
        found = told(server)
        assert found["stageline_unshipped_bytes",] > 0
        assert found["stageline_store_requests_total", "create"] > 0
        server.made("runs/update", run_id=run_id, status="FINISHED")
        assert told(server)["stageline_unshipped_bytes",] == 0
        server.found(run_id)
        assert told(server)["stageline_store_requests_total", "read"] > before


def test_what_dead_processes_left_waits_for_the_store_too(tmp_path: Path) -> None:
    settings = Settings(spool=str(tmp_path / "spool"), cache=str(tmp_path / "cache"))
    workspace = Workspace(MemoryStore(f"memory://{tmp_path.name}"), settings)
    spool = workspace.spool
    assert spool is not None
    with Asked(workspace) as server:
        run_id = server.run()
        server.made("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
        (log,) = spool.glob("*.wal")
        left = spool / f"{run_id}-dead.wal"  # nobody has it open
        before = told(server)["stageline_unshipped_bytes",]
        left.write_bytes(log.read_bytes())
        size = left.stat().st_size
        assert told(server)["stageline_unshipped_bytes",] == before + size


def test_requests_that_are_refused_at_the_door_are_counted_under_their_routes(
    workspace: Workspace,
) -> None:
    options = Options(hosts=(), auth=AuthOptions(session_key=b"k" * 32))
    with Asked(workspace, options) as server:
        path = f"{API}experiments/get"
        strange = server.ask("GET", path, headers={"host": "evil.example.com"})
        page = server.ask("POST", f"{API}runs/create", headers={"origin": "https://evil.example"})
        nobody = server.ask("GET", "/api/stageline/1/models/secret")
        nowhere = server.ask("GET", "/secret")
        assert [one.status for one in (strange, page, nobody, nowhere)] == [403, 403, 401, 401]
        assert all(one.headers["x-request-id"] for one in (strange, page, nobody, nowhere))
        found = figures(exposed(server.app.state.figures)[0])
        counted = {key[1:] for key in found if key[0] == "stageline_requests_total"}
        assert counted == {
            (path, "GET", "403"),
            (f"{API}runs/create", "POST", "403"),
            ("/api/stageline/1/models/{name}", "GET", "401"),
            ("(none)", "GET", "401"),
        }


def test_unknown_paths_are_told_in_words_of_ours(server: Asked) -> None:
    reply = server.ask("GET", "/nothing")
    assert (reply.status, reply.code) == (404, "ENDPOINT_NOT_FOUND")
    assert "/api/2.0/mlflow/" in reply.json["message"]
    other = server.ask("POST", "/metrics")
    assert (other.status, other.code) == (405, "BAD_REQUEST")
    assert "GET" in other.headers["allow"]


def test_figures_of_all_workers_add_up_and_outlive_them(
    workspace: Workspace, tmp_path: Path
) -> None:
    options = Options(figures_folder=str(tmp_path))
    other_workspace = Workspace(workspace.store, workspace.settings)
    with Asked(workspace, options) as one, Asked(other_workspace, options) as other:
        for server in (one, one, other):
            server.get("experiments/get", experiment_id="0")
        other.app.state.figures.together()  # what its thread does each second
        key = ("stageline_requests_total", f"{API}experiments/get", "GET", "200")
        assert told(one)[key] == 3
        assert told(one)["stageline_workers",] == 2
        other.app.state.figures.close()
        found = told(one)
        assert (found[key], found["stageline_workers",]) == (3, 1)


def test_worker_that_does_not_write_any_more_counts_as_gone(
    workspace: Workspace, tmp_path: Path
) -> None:
    options = Options(figures_folder=str(tmp_path))
    with Asked(workspace, options) as one:
        one.get("experiments/get", experiment_id="0")
        told(one)
        (mine,) = tmp_path.glob(f"*{sharing.SUFFIX}")
        dead = tmp_path / f"1-dead{sharing.SUFFIX}"
        dead.write_bytes(mine.read_bytes())
        long_ago = time.time() - 2 * sharing.STALE_S
        os.utime(dead, (long_ago, long_ago))
        found = told(one)
        assert found["stageline_workers",] == 1
        key = ("stageline_requests_total", f"{API}experiments/get", "GET", "200")
        assert found[key] == 2


def test_figures_are_for_those_who_may_read_everything(server: Asked) -> None:
    from test_api import signed_in

    with signed_in(server, Caller("eve", [Grant(frozenset({"read"}), models=("wine",))])):
        assert server.ask("GET", "/metrics").status == 403


def test_request_id_is_echoed_and_one_that_could_be_more_is_replaced(server: Asked) -> None:
    path = f"{API}experiments/get"
    given = server.ask("GET", path, headers={"x-request-id": "ab-1:2.3_4"})
    assert given.headers["x-request-id"] == "ab-1:2.3_4"
    made = [
        server.ask("GET", path, headers={"x-request-id": bad}).headers["x-request-id"]
        for bad in ("a b", "x" * 65, 'a"b', "")
    ]
    assert len(set(made)) == 4
    assert all(one.replace("-", "").isalnum() for one in made)


@pytest.mark.parametrize("form", ["json", "text"])
def test_line_of_a_request_holds_nothing_that_the_client_sent(
    workspace: Workspace, form: Any
) -> None:
    with Asked(workspace, Options(log_format=form)) as server:
        log: RequestLog = server.app.state.request_log
        log._out = out = io.StringIO()
        secret = {"authorization": "Bearer secret-1", "cookie": "session=secret-2"}
        server.ask("GET", f"{API}runs/get", query={"run_id": "secret-3"}, headers=secret)
        server.ask("GET", "/secret-4/x", headers={"user-agent": "secret-5"})
        server.ask("POST", f"{API}runs/set-tag", b'{"run_id":"secret-6","key":"secret-7"}')
        server.ask("GET", "/api/stageline/1/models/secret-8", headers={"x-request-id": "id-1"})
        log.flush()
        lines = out.getvalue().splitlines()
        assert len(lines) == 4
        assert "secret" not in out.getvalue()
        assert "id-1" in lines[3]
        if form == "json":
            line = json.loads(lines[3])
            assert line["route"] == "/api/stageline/1/models/{name}"
            assert (line["method"], line["status"], line["event"]) == ("GET", 404, "request")
            assert line["caller"] == "anonymous"
            assert line["bytes"] > 0
            assert line["ms"] >= 0
            assert {"time", "level", "process", "request_id"} <= set(line)
        else:
            assert "INFO GET /api/stageline/1/models/{name} 404" in lines[3]


def test_lines_tell_who_asked(workspace: Workspace) -> None:
    from test_api import signed_in

    with Asked(workspace, Options(log_format="json")) as server:
        log: RequestLog = server.app.state.request_log
        log._out = out = io.StringIO()
        server.app.middleware_stack = server.app.build_middleware_stack()
        with signed_in(server, Caller("bob", [Grant(frozenset({"admin"}))])):
            server.get("experiments/get", experiment_id="0")
        log.flush()
        assert json.loads(out.getvalue())["caller"] == "bob"


def test_messages_of_the_log_are_json_too() -> None:
    try:
        raise NotFound("x\ny")
    except NotFound as error:
        record = logging.LogRecord(
            "stageline", logging.ERROR, "", 1, "it %s", ("failed",), (NotFound, error, None)
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "it failed"


def test_every_figure_is_in_the_documentation(server: Asked) -> None:
    page = (Path(__file__).parents[3] / "docs" / "server.md").read_text()
    server.get("experiments/get")
    text = server.ask("GET", "/metrics").content.decode()
    for family in text_string_to_metric_families(text):
        counted = "_total" if family.type == "counter" else ""
        assert f"`{family.name}{counted}`" in page, family.name


@pytest.mark.slow
def test_scrape_of_any_worker_tells_of_all(tmp_path: Path) -> None:
    options = ("--workers", "2", "--log-format", "json")
    with Running(str(tmp_path / "store"), tmp_path, *options) as server:
        for _ in range(40):
            server.client().get("experiments/get?experiment_id=0")
        key = ("stageline_requests_total", f"{API}experiments/get", "GET", "200")

        def scraped() -> dict[tuple[str, ...], float]:
            return figures(server.client().text("/metrics"))

        until(lambda: scraped().get(key) == 40, "all requests are told")
        assert scraped()["stageline_workers",] == 2
        route = f'"route":"{API}experiments/get"'
        until(lambda: server.text.count(route) == 40, "all requests are written down")
        for worker in server.workers():
            worker.kill()
        until(lambda: _answers(server), "replaced")
        assert scraped()[key] >= 40
        assert server.end() == 0
        assert all(
            json.loads(line)["event"] in ("log", "request") for line in server.text.splitlines()
        )


def _answers(server: Running) -> bool:
    try:
        server.client().get("experiments/get?experiment_id=0")
    except (OSError, AssertionError):
        return False
    return True
