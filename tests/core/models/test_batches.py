"""Inputs divided into parts that any process scores: plain values, one version of the model, safe to try again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from servers import S3Server
from sklearn.linear_model import LinearRegression

import stageline
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound
from stageline.models.saving import save_model

pytestmark = pytest.mark.usefixtures("store")
ROWS = 60


@pytest.fixture
def data() -> pd.DataFrame:
    numbers = np.arange(float(ROWS)) + 0.5
    return pd.DataFrame({"id": range(ROWS), "a": numbers, "b": numbers % 3})


@pytest.fixture
def model(data: pd.DataFrame) -> str:
    inputs = data[["a", "b"]]
    with stageline.start_run():
        return stageline.log_model(
            LinearRegression().fit(inputs, data["a"] * 2),
            input_example=inputs.head(2),
            registered_model_name="wine",
        ).model_uri


@pytest.fixture
def one_file(data: pd.DataFrame, tmp_path: Path) -> Path:
    data.to_parquet(tmp_path / "in.parquet", row_group_size=7)
    return tmp_path / "in.parquet"


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def scored(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [through_json(stageline.predict_part(through_json(part))) for part in parts]


def all_rows(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder).sort_values("id", ignore_index=True)


def test_row_groups_of_one_file_are_scored_apart(
    model: str, one_file: Path, data: pd.DataFrame, tmp_path: Path
) -> None:
    parts = stageline.plan_batches(model, one_file, tmp_path / "out", keep=["id"], part_bytes=1)
    assert len(parts) == 9
    assert len(json.dumps(parts[0])) < 2_000, "small enough for any orchestrator"
    named = stageline.collect_batches(reversed(scored(parts)))
    assert named["rows"] == ROWS
    assert [part["rows"] for part in named["parts"]] == [7] * 8 + [4]
    found = all_rows(tmp_path / "out")
    np.testing.assert_allclose(found["prediction"], data["a"] * 2)
    assert json.loads((tmp_path / "out" / "_stageline.json").read_text()) == named


def test_files_of_a_folder_are_put_together_up_to_the_size_of_a_part(
    model: str, data: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        rows = data.iloc[number * 10 : number * 10 + 10]
        rows.to_parquet(tmp_path / "in" / f"{number}.parquet")
    size = (tmp_path / "in" / "0.parquet").stat().st_size
    out = tmp_path / "out"
    parts = stageline.plan_batches(model, tmp_path / "in", out, keep="all", part_bytes=2 * size + 9)
    assert [len(part["sources"]) for part in parts] == [2, 2, 2]
    assert len(stageline.plan_batches(model, tmp_path / "in", out)) == 1
    stageline.collect_batches(scored(parts))
    np.testing.assert_allclose(all_rows(out)["prediction"], data["a"] * 2)


def test_part_that_is_scored_again_leaves_the_same(
    model: str, one_file: Path, tmp_path: Path
) -> None:
    parts = stageline.plan_batches(model, one_file, tmp_path / "out", part_bytes=1)
    first = scored(parts)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "part-00003.parquet").write_bytes(b"what an earlier attempt left")
    assert scored(parts) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_all_parts_are_scored_by_the_version_of_the_plan(
    model: str, one_file: Path, data: pd.DataFrame, tmp_path: Path
) -> None:
    parts = stageline.plan_batches(
        "models:/wine/latest", one_file, tmp_path / "out", keep=["id"], part_bytes=1
    )
    done = scored(parts[:4])
    with stageline.start_run():
        other = LinearRegression().fit(data[["a", "b"]], data["b"])
        stageline.log_model(
            other, input_example=data[["a", "b"]].head(2), registered_model_name="wine"
        )
    stageline.collect_batches([*done, *scored(parts[4:])])
    np.testing.assert_allclose(all_rows(tmp_path / "out")["prediction"], data["a"] * 2)


def test_model_that_was_replaced_in_its_place_is_not_used(
    data: pd.DataFrame, one_file: Path, tmp_path: Path
) -> None:
    import shutil

    inputs = data[["a", "b"]]
    place = tmp_path / "model"
    save_model(LinearRegression().fit(inputs, data["a"]), place)
    parts = stageline.plan_batches(place, one_file, tmp_path / "out")
    shutil.rmtree(place)
    save_model(LinearRegression().fit(inputs, data["b"]), place)
    with pytest.raises(Conflict, match="divide it anew"):
        stageline.predict_part(parts[0])
    assert not (tmp_path / "out").exists()


def test_parts_of_an_earlier_division_go_once_the_new_ones_are_there(
    model: str, one_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    stageline.collect_batches(scored(stageline.plan_batches(model, one_file, out, part_bytes=1)))
    with pytest.raises(AlreadyExists):
        stageline.plan_batches(model, one_file, out)
    (out / "mine.txt").write_text("not a part")
    again = scored(stageline.plan_batches(model, one_file, out, overwrite=True))
    assert len([*out.glob("part-*")]) == 9, "nothing goes before the last step"
    stageline.collect_batches(again)
    left = sorted(path.name for path in out.iterdir())
    assert left == ["_stageline.json", "mine.txt", "part-00000.parquet"]


def test_missing_part_is_told(model: str, one_file: Path, tmp_path: Path) -> None:
    done = scored(stageline.plan_batches(model, one_file, tmp_path / "out", part_bytes=1))
    for results in (done[1:], [*done, done[0]], []):
        with pytest.raises(InvalidInput, match="results of all parts"):
            stageline.collect_batches(results)
    assert not (tmp_path / "out" / "_stageline.json").exists()


def test_wrong_plans_are_refused_before_anything_is_scored(
    model: str, one_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(NotFound):
        stageline.plan_batches("models:/beer/1", one_file, out)
    with pytest.raises(NotFound):
        stageline.plan_batches(model, tmp_path / "none.csv", out)
    with pytest.raises(InvalidInput, match="credentials") as raised:
        stageline.plan_batches(model, one_file, "sftp://joe:hunter2@host/out")
    assert "hunter2" not in str(raised.value)
    with pytest.raises(InvalidInput, match="part_bytes"):
        stageline.plan_batches(model, one_file, out, part_bytes=0)
    with pytest.raises(InvalidInput, match="params should be plain"):
        stageline.plan_batches(model, one_file, out, params={"x": object()})


def test_consent_is_that_of_whoever_scores_and_not_of_the_plan(
    one_file: Path, tmp_path: Path
) -> None:
    save_model(lambda data: data["a"], tmp_path / "pickle")
    (part,) = stageline.plan_batches(tmp_path / "pickle", one_file, tmp_path / "out")
    with pytest.raises(NotAllowed):
        stageline.predict_part({**part})
    assert stageline.predict_part(part, allow_pickle=True)["rows"] == ROWS


def test_another_process_scores_a_part_from_a_bucket(
    data: pd.DataFrame, seaweedfs_server: S3Server, tmp_path: Path
) -> None:
    place = seaweedfs_server.new_place()
    stageline.set_store(f"{place}/store", storage_options=seaweedfs_server.options)
    inputs = data[["a", "b"]]
    with stageline.start_run():
        info = stageline.log_model(
            LinearRegression().fit(inputs, data["a"] * 2), input_example=inputs.head(2)
        )
    data.to_csv(tmp_path / "in.csv", index=False)
    (part,) = stageline.plan_batches(
        info.model_uri, tmp_path / "in.csv", f"{place}/out", keep=["id"], output_format="csv"
    )
    script = "import json, sys, stageline; print(json.dumps(stageline.predict_part(json.load(sys.stdin))))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(part),
        env={"PATH": "", "HOME": str(tmp_path), **seaweedfs_server.environment()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    stageline.collect_batches([json.loads(done.stdout)])
    content = seaweedfs_server.fs.cat_file(f"{place}/out/part-00000.csv").decode()
    assert content.startswith('"id","prediction"')
    assert len(content.splitlines()) == ROWS + 1
    assert not (tmp_path / "mlstore").exists(), "the process needs no store of its own"
