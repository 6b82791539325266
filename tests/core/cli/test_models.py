"""`stageline models predict`, `show` and `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from shell import Cli
from sklearn.linear_model import LinearRegression

from stageline import Workspace, infer_signature
from stageline.models.saving import Details, save_model


@pytest.fixture
def data(tmp_path: Path) -> pd.DataFrame:
    frame = pd.DataFrame({"id": [1, 2, 3], "a": [1.0, 2.0, 4.0]})
    frame.to_csv(tmp_path / "in.csv", index=False)
    return frame


@pytest.fixture
def uri(workspace: Workspace, data: pd.DataFrame) -> str:
    with workspace.runs.create(run_name="trained") as run:
        info = workspace.models.log(
            run.run_id,
            LinearRegression().fit(data[["a"]], data["a"] * 3),
            input_example=data[["a"]],
            registered_model_name="wine",
        )
    return info.model_uri


def test_predict_writes_what_was_asked_for(cli: Cli, uri: str, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    line = (
        "models",
        "predict",
        "-m",
        "models:/wine/1",
        "-i",
        str(tmp_path / "in.csv"),
        "-o",
        str(out),
    )
    assert cli.ok(*line, "--keep", "id") == f"{out}: 3 rows (id, prediction)\n"
    found = pd.read_csv(out)
    assert [round(one, 6) for one in found["prediction"]] == [3.0, 6.0, 12.0]
    answer = cli(*line)
    assert (answer.code, "overwritten" in answer.err) == (4, True)
    told = cli.json(*line, "--overwrite", "--keep-all")
    assert told["columns"] == ["id", "a", "prediction"]
    assert told["run_id"] is None


def test_predict_is_recorded_only_if_an_experiment_is_named(
    cli: Cli, workspace: Workspace, uri: str, tmp_path: Path
) -> None:
    line = ("models", "predict", "-m", uri, "-i", str(tmp_path / "in.csv"))
    cli.ok(*line, "-o", str(tmp_path / "1.csv"))
    before = len(workspace.search_runs(["0"]))
    told = cli.json(*line, "-o", str(tmp_path / "2.csv"), "--experiment", "scoring")
    run = workspace.runs.get(told["run_id"])
    assert run.data.params["model_uri"] == uri
    assert run.data.metrics == {"rows": 3.0, "files": 1.0}
    assert [given.tags for given in run.inputs.dataset_inputs] == [
        {"mlflow.data.context": "scoring"}
    ]
    assert len(workspace.search_runs(["0"])) == before


def test_failed_scoring_is_a_failed_run(
    cli: Cli, workspace: Workspace, uri: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("a\n1\nx\n")
    answer = cli(
        "models", "predict", "-m", uri, "-i", str(tmp_path / "bad.csv"), "-o", str(tmp_path / "no.csv"),
        "--experiment", "scoring",
    )  # fmt: skip
    assert answer.code == 2
    assert "row 2, column 'a': 'x' is not of the type double" in answer.err
    experiment = workspace.experiments.find_by_name("scoring")
    assert experiment is not None
    (run,) = workspace.search_runs([experiment.experiment_id])
    assert run.info.status.name == "FAILED"
    assert not (tmp_path / "no.csv").exists()


def test_wrong_options_are_told(cli: Cli, uri: str, tmp_path: Path) -> None:
    line = (
        "models",
        "predict",
        "-m",
        uri,
        "-i",
        str(tmp_path / "in.csv"),
        "-o",
        str(tmp_path / "o.csv"),
    )
    for given in (("--params", "[1]"), ("--params", "{"), ("--input-format", "xml")):
        assert cli(*line, *given).code == 2


def test_show_tells_what_the_model_is_and_who_made_it(cli: Cli, uri: str) -> None:
    told = cli.json("models", "show", "models:/wine/1")
    assert told["resolved"] == uri
    assert sorted(told["flavors"]) == ["python_function", "sklearn"]
    assert json.loads(told["signature"]["inputs"])[0]["name"] == "a"
    assert any(line.startswith("scikit-learn==") for line in told["requirements"])
    assert told["size_bytes"] == sum(told["files"].values())
    assert (told["digests"], told["run_name"]) == ("checked", "trained")
    text = cli.ok("models", "show", uri)
    for part in ("sklearn", "checked", "double (required)", "scikit-learn=="):
        assert part in text


def test_verify_finds_a_file_that_changed(cli: Cli, data: pd.DataFrame, tmp_path: Path) -> None:
    place = tmp_path / "model"
    signature = infer_signature(data[["a"]])
    save_model(
        LinearRegression().fit(data[["a"]], data["a"]), place, details=Details(signature=signature)
    )
    assert "as they were saved" in cli.ok("models", "verify", str(place))
    file = place / "model.skops"
    file.write_bytes(file.read_bytes() + b" ")
    for command in ("verify", "show"):
        answer = cli("models", command, str(place))
        assert answer.code == 9
        assert "model.skops" in answer.err
    assert cli("models", "verify", str(tmp_path / "none")).code == 3
