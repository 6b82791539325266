"""A dataset's digest changes with its data, and nothing secret is told of its source."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stageline.domain.run import DatasetInput, DatasetRef
from stageline.errors import InvalidInput, NotFound
from stageline.tracking import datasets
from stageline.tracking.datasets import from_numpy, from_pandas, from_path, from_uri
from stageline.tracking.texts import check_input


def frame(**changes: object) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [0.5, np.nan, 1.5], **changes})


def recordable(ref: DatasetRef) -> DatasetRef:
    check_input(DatasetInput(ref))
    assert len(ref.digest) <= 36
    return ref


def test_same_data_has_the_same_digest() -> None:
    assert from_pandas(frame()) == from_pandas(frame())
    assert from_numpy(np.arange(6)) == from_numpy(np.arange(6))


@pytest.mark.parametrize(
    "other",
    [
        frame(a=[1, 2, 4]),
        frame(a=[1.0, 2.0, 3.0]),
        frame(b=["x", "y", "z"]),
        frame(d=0),
        frame().rename(columns={"a": "A"}),
        frame().iloc[:2],
        frame().iloc[::-1],
        frame().set_index(pd.Index([7, 8, 9])),
        frame()[["b", "a", "c"]],
    ],
)
def test_other_data_has_another_digest(other: pd.DataFrame) -> None:
    assert from_pandas(other).digest != from_pandas(frame()).digest


def test_frame_tells_its_columns_and_size() -> None:
    data = frame(
        t=pd.to_datetime(["2020-01-01"] * 3),
        f=[True, False, True],
        i=np.arange(3, dtype=np.int32),
        n=pd.array([1, None, 3], dtype="Int64"),
        k=pd.Categorical(["u", "v", "u"]),
        o=[b"x", b"y", b"z"],
        mixed=[[1], {"a": 2}, None],
    )
    ref = recordable(from_pandas(data, targets=["a"]))
    schema = json.loads(ref.schema or "")
    assert {column["name"]: (column["type"], column["required"]) for column in schema["mlflow_colspec"]} == {
        "a": ("long", True), "b": ("string", False), "c": ("double", False), "t": ("datetime", True),
        "f": ("boolean", True), "i": ("integer", True), "n": ("long", False), "k": ("string", True),
        "o": ("binary", True), "mixed": ("string", False),
    }  # fmt: skip
    assert schema["targets"] == ["a"]
    assert json.loads(ref.profile or "") == {"num_rows": 3, "num_elements": 30}


def test_target_that_is_no_column_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"\['z'\] are no columns; there are \['a', 'b', 'c'\]"):
        from_pandas(frame(), targets="z")


def test_empty_and_odd_frames_have_a_digest() -> None:
    recordable(from_pandas(pd.DataFrame()))
    recordable(from_pandas(pd.DataFrame({"a": []})))
    recordable(from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"])))
    recordable(from_pandas(pd.DataFrame({1: [1]}, index=pd.MultiIndex.from_tuples([("a", 1)]))))


def test_large_frame_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "SAMPLED_CELLS", 100)
    large = pd.DataFrame({"a": np.arange(1000), "b": 0})
    changed = large.copy()
    changed.loc[0, "b"] = 1
    assert from_pandas(changed).digest != from_pandas(large).digest
    assert from_pandas(large.iloc[:-1]).digest != from_pandas(large).digest, "the size counts, too"


def test_schema_that_is_too_long_is_left_out() -> None:
    wide = pd.DataFrame(np.zeros((1, 20_000))).add_prefix("a rather long name " * 2)
    assert recordable(from_pandas(wide)).schema is None


def test_large_frame_takes_little_time() -> None:
    large = pd.DataFrame(np.zeros((200_000, 20)))
    from_pandas(large)
    began = time.process_time()
    from_pandas(large)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "other",
    [
        np.arange(6).reshape(2, 3),
        np.arange(6).astype(float),
        np.arange(1, 7),
        np.arange(7),
        {"x": np.arange(6)},
    ],
)
def test_other_arrays_have_another_digest(other: object) -> None:
    assert from_numpy(other).digest != from_numpy(np.arange(6)).digest  # type: ignore[arg-type]


def test_arrays_tell_their_shapes() -> None:
    ref = recordable(
        from_numpy({"x": np.zeros((4, 2)), "m": np.zeros(4, bool)}, targets=np.arange(4))
    )
    schema = json.loads(ref.schema or "")["mlflow_tensorspec"]
    assert json.loads(schema["features"])[0] == {
        "name": "x",
        "type": "tensor",
        "tensor-spec": {"dtype": "float64", "shape": [-1, 2]},
    }
    assert json.loads(schema["targets"])[0]["tensor-spec"] == {"dtype": "int64", "shape": [-1]}
    profile = json.loads(ref.profile or "")
    assert profile["features_shape"] == {"x": [4, 2], "m": [4]}
    assert profile["targets_size"] == 4


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.0),
        np.zeros((0, 3)),
        np.array(["2020"], dtype="datetime64[D]"),
        np.array([None, "x", {}], dtype=object),
        np.array(["ä", "b"]),
        np.zeros((4, 4))[:, ::2],
    ],
)
def test_arrays_of_any_kind_have_a_digest(array: np.ndarray) -> None:
    assert recordable(from_numpy(array)) == from_numpy(array.copy())


def test_large_array_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "SAMPLED_BYTES", 80)
    large = np.arange(1000)
    assert from_numpy(large).digest != from_numpy(large + 1).digest
    assert from_numpy(large).digest != from_numpy(large[:-1]).digest


def test_file_is_digested_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n1\n")
    one, other = from_path(tmp_path / "a.csv"), from_path(str(tmp_path / "b.csv"))
    assert recordable(one).digest == other.digest
    assert (one.namespace, one.name) == ("file", str(tmp_path / "a.csv"))
    assert json.loads(one.profile or "") == {"num_bytes": 4}
    assert from_uri(f"file://{tmp_path}/a.csv") == one
    (tmp_path / "a.csv").write_text("x\n2\n")
    assert from_path(tmp_path / "a.csv").digest != one.digest


def test_folder_is_digested_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1").write_text("x")
    before = recordable(from_path(tmp_path, name="images"))
    assert before.name == "images"
    assert json.loads(before.profile or "") == {"num_files": 1, "num_bytes": 1}
    (tmp_path / "d" / "1").rename(tmp_path / "d" / "2")
    assert from_path(tmp_path).digest != before.digest
    with pytest.raises(NotFound):
        from_path(tmp_path / "none")


@pytest.mark.parametrize(
    ("source", "namespace", "name", "kind", "told"),
    [
        (None, "", "dataset", "code", {"tags": {}}),
        ("s3://b/dir/x.csv", "s3://b", "dir/x.csv", "s3", {"uri": "s3://b/dir/x.csv"}),
        (
            "https://me:pw@h.org/x?sig=s3cret",
            "https://h.org",
            "x",
            "http",
            {"url": "https://h.org/x"},
        ),
    ],
)
def test_source_is_named_without_secrets(
    source: str | None, namespace: str, name: str, kind: str, told: dict[str, object]
) -> None:
    ref = recordable(from_pandas(frame(), source))
    assert (ref.namespace, ref.name, ref.source_type) == (namespace, name, kind)
    assert json.loads(ref.source) == told


def test_url_is_digested_by_the_version_that_it_is_given() -> None:
    one, other = (from_uri("s3://b/x", digest=f'"etag-{n}"') for n in range(2))
    assert one.digest == '"etag-0"'
    assert recordable(other).digest != one.digest
    assert recordable(from_uri("s3://b/x")) == from_uri("s3://b/x")
    assert len(recordable(from_uri("s3://b/x", digest="v" * 500)).digest) == 32
