"""The example of the whole way, run as its users run it: the yes comes from another shell, and the scores are there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from stageline.errors import NotFound
from stageline.registry import RequestStatus
from stageline.workspace import Workspace

SCRIPT = Path(__file__).parents[2] / "examples" / "elasticnet" / "retrain.py"
MODEL = "elasticnet-diabetes"
GIVE_UP_S = 240.0


@contextmanager
def retraining(cwd: Path, server: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--output", "scores", *arguments],
        env={**os.environ, "PREFECT_API_URL": server},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_better_model_is_approved_promoted_and_scores_files(
    workspace: Workspace, tmp_path: Path, prefect_server: str
):
    rows = load_diabetes().data[:20]
    np.savetxt(
        tmp_path / "new.csv", rows, delimiter=",", header=",".join("abcdefghij"), comments=""
    )
    with retraining(tmp_path, prefect_server, "--score", "new.csv") as process:
        wait_for_request(workspace, process)
        approve = [
            str(Path(sys.executable).with_name("stageline")),
            "registry",
            "approve",
            MODEL,
            "1",
        ]
        subprocess.run([*approve, "--as", "bob", "-m", "go"], check=True, timeout=GIVE_UP_S)
        out, err = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, out.partition(":")[0]) == (0, "Completed"), out + err
    assert workspace.registry.get_version(MODEL, 1).current_stage == "Production"
    last = workspace.registry.history(MODEL)[-1]
    assert (last.actor, last.reason) == ("bob", "go")
    told = json.loads((tmp_path / "scores" / "_stageline.json").read_text())
    assert told["rows"] == 20

    with retraining(tmp_path, prefect_server) as process:
        out, err = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, out.partition(":")[0]) == (0, "NotPromoted"), out + err
    assert "better r2 is" in out
    stages = {one.version: one.current_stage for one in workspace.registry.versions(MODEL)}
    assert stages == {1: "Production", 2: "Staging"}


def test_data_that_can_not_be_used_is_told_in_a_line(tmp_path: Path, prefect_server: str):
    with retraining(tmp_path, prefect_server, "--data", "absent.csv") as process:
        out, err = process.communicate(timeout=GIVE_UP_S)
    assert (process.returncode, out, err) == (2, "", "error: absent.csv does not exist\n")


def test_it_is_served_by_the_clock_and_by_drift(tmp_path: Path, prefect_server: str):
    with retraining(tmp_path, prefect_server, "--cron", "0 6 * * 1") as process:
        found = wait_for_deployment(prefect_server, process)
    assert [one["schedule"]["cron"] for one in found["schedules"]] == ["0 6 * * 1"]
    assert found["parameters"]["output"] == "scores"


def wait_for_deployment(server: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    url = f"{server}/deployments/name/retrain-elasticnet/retraining"
    give_up = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=GIVE_UP_S) as response:
                found: dict[str, Any] = json.load(response)
                return found
        except urllib.error.HTTPError as error:
            error.close()
        time.sleep(0.2)
    pytest.fail(f"nothing is served: {process.communicate()}")


def wait_for_request(workspace: Workspace, process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up:
        try:
            if workspace.registry.requests(MODEL, status=RequestStatus.PENDING):
                return
        except NotFound:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"nobody was asked: {process.communicate()}")
