"""The example project, from a folder, from git, and zipped in a bucket: each time the same params and metrics."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from processes import Script
from servers import S3Server

sys.path.insert(0, str(Path(__file__).parent / "sources"))

from repositories import PLAIN, Repository

from stageline import RunStatus, Workspace

EXAMPLE = Path(__file__).parents[3] / "examples" / "elasticnet"
FILES = ("MLproject", "python_env.yaml", "data.py", "train.py")


def test_the_example_records_the_same_from_anywhere(
    tmp_path: Path,
    workspace: Workspace,
    command_line: Callable[..., Script],
    seaweedfs_server: S3Server,
) -> None:
    repository = Repository(tmp_path / "origin.git")
    commit = repository.commit(
        {f"wine/{name}": (PLAIN, (EXAMPLE / name).read_bytes()) for name in FILES}
    )
    packed = tmp_path / "elasticnet.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in FILES:
            archive.write(EXAMPLE / name, name)
    zipped = f"{seaweedfs_server.new_place()}/elasticnet.zip"
    seaweedfs_server.fs.put_file(str(packed), zipped)

    uris = [str(EXAMPLE), f"file://{repository.path}#wine", zipped]
    for uri in uris:
        arguments = ("run", uri, "-P", "alpha=0.48", "--env-manager", "local")
        with command_line(*arguments, **seaweedfs_server.environment()) as process:
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said

    runs = list(reversed(workspace.search_runs(["0"])))
    assert [run.data.tags["mlflow.source.name"] for run in runs] == [
        str(EXAMPLE), f"file://{repository.path}#wine", zipped,
    ]  # fmt: skip
    assert {run.info.status for run in runs} == {RunStatus.FINISHED}
    assert all(run.data.params == {"alpha": "0.48", "l1_ratio": "0.1"} for run in runs)
    assert runs[0].data.metrics.keys() == {"rmse", "mae", "r2"}
    assert all(run.data.metrics == runs[0].data.metrics for run in runs)
    assert runs[1].data.tags["mlflow.source.git.commit"] == commit
