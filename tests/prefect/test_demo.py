"""The main job: the example, run as its users run it, into stores that differ by an environment variable only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import S3Server

from stageline import Run, RunStatus
from stageline.workspace import Workspace

SCRIPT = Path(__file__).parents[2] / "examples" / "elasticnet" / "flow.py"


@pytest.fixture
def environment(prefect_server: str, prefect_home: Path, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "PREFECT_HOME": str(prefect_home),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "COLUMNS": "80",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONWARNINGS": "error::DeprecationWarning:__main__",
    }


def run_demo(
    environment: dict[str, str], cwd: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )


def best_run_id(output: str) -> str:
    found = re.search(r"stageline runs show ([0-9a-f]{32})", output)
    assert found is not None, output
    return found.group(1)


def check_runs(workspace: Workspace, best: str) -> list[Run]:
    experiment = workspace.experiments.get_by_name("elasticnet")
    runs = list(workspace.search_runs([experiment.experiment_id], order_by=["metrics.rmse ASC"]))
    candidates = [run for run in runs if "alpha" in run.data.params]
    (flow_run,) = [run for run in runs if run not in candidates]
    assert len(candidates) == 12
    assert candidates[0].info.run_id == best
    assert {run.parent_run_id for run in candidates} == {flow_run.info.run_id}
    assert {run.info.status for run in runs} == {RunStatus.FINISHED}
    for run in candidates:
        assert run.data.metrics.keys() == {"rmse", "mae", "r2"}
        assert run.data.params.keys() == {"alpha", "l1_ratio"}
    assert {path.split("/")[0] for path in workspace.runs.files(best)} == {"model", "residuals.png"}
    return candidates


def test_the_default_store_is_a_folder_here(environment: dict[str, str], tmp_path: Path):
    done = run_demo(environment, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "diabetes (442 rows)" in done.stdout
    workspace = Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine"))
    (best, *_) = check_runs(workspace, best_run_id(done.stdout))
    (data,) = workspace.runs.get(best.info.run_id).inputs.dataset_inputs
    assert (data.dataset.name, data.tags) == ("diabetes", {"mlflow.data.context": "training"})


def stages(workspace: Workspace, name: str) -> dict[int, str]:
    return {one.version: one.current_stage for one in workspace.registry.versions(name)}


def test_the_best_is_promoted_and_a_second_demo_that_is_no_better_leaves_it(
    environment: dict[str, str], tmp_path: Path
):
    first, second = run_demo(environment, tmp_path), run_demo(environment, tmp_path)
    assert [(done.returncode, done.stderr) for done in (first, second)] == [(0, ""), (0, "")]
    assert "version 1: None -> Production is allowed" in first.stdout
    assert "no version holds Production  passes" in first.stdout
    assert "version 2: None -> Production is refused" in second.stdout
    assert re.search(r"better r2 .* by 0\.001 \(version 1\)  FAILS", second.stdout)

    workspace = Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine"))
    name = "elasticnet-diabetes"
    assert stages(workspace, name) == {1: "Production", 2: "None"}
    assert workspace.registry.verify(name).is_intact
    best = best_run_id(first.stdout)
    assert workspace.registry.get_by_uri(f"models:/{name}/Production").run_id == best
    assert workspace.models.load(f"models:/{name}/Production").predict([[0.0] * 10]).shape == (1,)
    for done in (first, second):
        assert "In Production: version 1" in done.stdout
        assert f"registered version 1 of run {best}" in done.stdout
        assert "version 1: None -> Production (best of its sweep)" in done.stdout
        _, _, lineage = done.stdout.partition("Lineage\n")
        for line, told in enumerate((f"stage {name} Production", f"{name} v1", "run alpha=")):
            assert told in lineage.splitlines()[line]
        assert "dataset diabetes" in lineage


def test_a_better_candidate_replaces_what_is_in_production_and_a_useless_one_never_enters(
    environment: dict[str, str], tmp_path: Path
):
    program = f"""if True:
        import sys; sys.path.insert(0, {str(SCRIPT.parent)!r})
        import stageline
        from promotion import promote
        from rich.console import Console
        from sklearn.linear_model import LinearRegression
        model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
        signature = stageline.infer_signature([[0.0], [1.0]])
        for r2 in (-0.1, 0.5, 0.6):
            with stageline.start_run() as run:
                stageline.log_metric("r2", r2)
                stageline.log_model(model, signature=signature)
            promote(run.info.run_id, "odd [bold] name", Console())
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = re.findall("^In Production: .*$", done.stdout, re.MULTILINE)
    assert told == [f"In Production: {held}" for held in ("nothing", "version 2", "version 3")]
    workspace = Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine"))
    assert stages(workspace, "odd [bold] name") == {1: "None", 2: "Archived", 3: "Production"}
    assert "stage odd [bold] name Production" in done.stdout


def test_memory_is_told_to_be_gone_after(environment: dict[str, str], tmp_path: Path):
    done = run_demo({**environment, "STAGELINE_STORE": "memory://demo"}, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Set STAGELINE_STORE to keep runs" in done.stdout
    assert not (tmp_path / "mlstore").exists()


def test_a_bucket_by_its_url_alone(
    environment: dict[str, str], tmp_path: Path, seaweedfs_server: S3Server
):
    url = seaweedfs_server.new_bucket()
    there = {
        "STAGELINE_STORE": url,
        "STAGELINE_STORAGE_OPTIONS": json.dumps(seaweedfs_server.options),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    done = run_demo({**environment, **there}, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    workspace = Workspace.open(
        url, storage_options=seaweedfs_server.options, cache=str(tmp_path / "mine")
    )
    check_runs(workspace, best_run_id(done.stdout))
    assert not list((tmp_path / "state").rglob("*.wal"))


@pytest.mark.slow
def test_it_brings_its_own_prefect_server_where_there_is_none(
    environment: dict[str, str], tmp_path: Path
):
    del environment["PREFECT_API_URL"]
    environment["PREFECT_HOME"] = str(tmp_path / "not" / "yet" / "there")
    done = run_demo(environment, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    check_runs(
        Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine")), best_run_id(done.stdout)
    )


def test_a_candidate_that_fails_is_exit_1(environment: dict[str, str], tmp_path: Path):
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); sys.argv = ['flow.py']\n"
        "import flow; flow.ALPHAS = (-1.0, 0.1); sys.exit(flow.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "error: 3 of 6 candidates failed: their runs say why" in done.stderr.splitlines()
    workspace = Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine"))
    experiment = workspace.experiments.get_by_name("elasticnet")
    failed = workspace.search_runs(
        [experiment.experiment_id], "attributes.status = 'FAILED' and params.alpha = '-1.0'"
    )
    assert len(list(failed)) == 3


def test_a_csv_is_used_instead(environment: dict[str, str], tmp_path: Path):
    rows = [f"{i};{i % 7};text;{i * 2 + i % 3}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["a;b;c;quality", *rows, "1;;x;3"]) + "\n")
    done = run_demo(environment, tmp_path, "--data", "mine.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine (60 rows)" in done.stdout


BAD = {
    "missing": (None, (), "mine.csv does not exist"),
    "empty": ("", (), "mine.csv is no CSV"),
    "binary": (b"\xff\xfe\x00\x01", (), "can not be read as text"),
    "text target": (
        "a,b\n" + "1,x\n" * 20,
        (),
        "target 'b' is not numeric; --target chooses another (numeric: a)",
    ),
    "no such target": ("a,b\n" + "1,2\n" * 20, ("--target", "z"), "no column 'z'; it has a, b"),
    "one column": ("a\n" + "1\n" * 20, (), "no numeric column besides the target 'a'"),
    "few rows": ("a,b\n1,2\n", (), "1 complete rows are too few"),
    "ragged": ("a,b\n1,2\n1,2,3,4\n", (), "mine.csv is no CSV"),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_can_not_be_used_is_told_why(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from data import BadData, load

    content, arguments, expected = BAD[case]
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("mine.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadData) as told:
        load(Path("mine.csv"), arguments[1] if arguments else None)
    assert expected in str(told.value)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("case", ["missing", "text target"])
def test_data_that_can_not_be_used_is_one_line_and_leaves_no_store(
    environment: dict[str, str], tmp_path: Path, case: str
):
    content, arguments, expected = BAD[case]
    if content is not None:
        (tmp_path / "mine.csv").write_bytes(
            content.encode() if isinstance(content, str) else content
        )
    done = run_demo(environment, tmp_path, "--data", "mine.csv", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert not (tmp_path / "mlstore").exists()


def test_a_store_that_nothing_can_open_is_one_line(environment: dict[str, str], tmp_path: Path):
    done = run_demo({**environment, "STAGELINE_STORE": "nosuch://x"}, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "nosuch" in line
