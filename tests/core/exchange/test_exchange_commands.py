"""`stageline import` and `stageline export`, as a shell runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stageline.cli.main import app

MADE = Path(__file__).parents[1] / "fixtures" / "mlflow"


def shell(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        app([str(arg) for arg in args])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_import_then_export(capsys, tmp_path):
    store = tmp_path / "store"
    code, out, _ = shell(capsys, "import", "mlflow", MADE / "mlruns", "--to", store, "--json")
    assert code == 0
    document = json.loads(out)
    assert document["counts"]["runs_new"] == 5
    assert document["failures"] == []
    code, out, _ = shell(capsys, "--store", store, "export", "files", tmp_path / "out", "--json")
    # Four of wine and its deleted experiment's are aside: deleted ones stay.
    assert (code, json.loads(out)["counts"]["runs"]) == (0, 3)
    code, out, _ = shell(capsys, "--store", store, "export", "parquet", tmp_path / "tables")
    assert code == 0
    assert "metrics" in out


def test_import_tells_people_what_it_did(capsys, tmp_path):
    code, out, _ = shell(
        capsys, "--store", tmp_path / "s", "import", "mlflow", MADE / "db" / "mlflow.db"
    )
    assert code == 0
    assert "runs new" in out


def test_what_could_not_be_taken_in_is_named_and_the_exit_code_says_so(capsys, tmp_path):
    told = json.loads((MADE / "told.json").read_text())["mlflow.db"]
    from stageline.workspace import Workspace

    with Workspace.open(tmp_path / "s").runs.create(run_id=told["child"]):
        pass
    code, out, _ = shell(
        capsys, "--store", tmp_path / "s", "import", "mlflow", MADE / "db" / "mlflow.db"
    )
    assert code == 9
    assert f"left out: run {told['child']}" in out


def test_nothing_there_is_said_in_one_line(capsys, tmp_path):
    code, _, err = shell(
        capsys, "--store", tmp_path / "s", "import", "mlflow", tmp_path / "nothing"
    )
    assert code == 3
    assert err.startswith("error: there is no")
