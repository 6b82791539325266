"""The example project, run by Stageline and by the real `mlflow run`: the same params and the same metrics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stageline import RunStatus, Workspace

PROJECT = Path(__file__).parents[2] / "examples" / "elasticnet"


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    beside = str(Path(sys.executable).parent)
    done = subprocess.run(
        command,
        cwd=cwd,
        env={
            **os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_stageline_and_mlflow_record_the_same(tmp_path: Path) -> None:
    line = ("run", str(PROJECT), "-P", "alpha=0.48", "--env-manager", "local")
    ours = [sys.executable, "-c", "from stageline.cli.main import main; main()", *line]
    run(*ours, cwd=tmp_path, STAGELINE_STORE=str(tmp_path / "store"))
    database = f"sqlite:///{tmp_path}/mlflow.db"
    run(
        sys.executable, "-m", "mlflow", *line, cwd=tmp_path, MLFLOW_TRACKING_URI=database,
    )  # fmt: skip

    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    (mine,) = workspace.search_runs(["0"])
    script = (
        "import json, mlflow; r = mlflow.search_runs(['0'], output_format='list')[0]; "
        "print(json.dumps([r.info.status, r.data.params, r.data.metrics, r.data.tags]))"
    )
    told = run(sys.executable, "-c", script, cwd=tmp_path, MLFLOW_TRACKING_URI=database)
    status, params, metrics, tags = json.loads(told.stdout.splitlines()[-1])
    assert (str(mine.info.status), mine.data.params) == (status, params)
    assert mine.info.status is RunStatus.FINISHED
    assert mine.data.params == {"alpha": "0.48", "l1_ratio": "0.1"}
    assert mine.data.metrics == metrics
    assert metrics.keys() == {"rmse", "mae", "r2"}
    for tag in ("mlflow.source.type", "mlflow.project.entryPoint", "mlflow.project.backend"):
        assert mine.data.tags[tag] == tags[tag]
