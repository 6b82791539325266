"""Files scored in chunks: what is kept, what is told, and that a failure leaves nothing."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from memory_use import memory_peak
from servers import S3Server
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputRegressor

import stageline
from stageline.errors import AlreadyExists, Corrupt, InvalidInput, NotFound
from stageline.models.data_scoring import ALL, Scoring
from stageline.models.loading import LoadedModel, load_folder
from stageline.models.predicting import predict_files
from stageline.models.saving import Details, save_model
from stageline.models.trust import Trust
from stageline.storage.files import Files

ROWS = 95
_places = itertools.count()


@pytest.fixture
def data() -> pd.DataFrame:
    numbers = np.arange(float(ROWS)) + 0.5
    return pd.DataFrame({"id": [f"{n:04}" for n in range(ROWS)], "a": numbers, "b": numbers % 3})


@pytest.fixture
def model(data: pd.DataFrame, tmp_path: Path) -> LoadedModel:
    inputs = data[["a", "b"]]
    return loaded(LinearRegression().fit(inputs, data["a"] * 2), inputs, tmp_path)


def loaded(model: Any, example: Any, folder: Path, outputs: Any = None) -> LoadedModel:
    place = folder / f"model-{next(_places)}"
    given = model.predict(example) if outputs is None else outputs
    details = Details(signature=stageline.infer_signature(example, given))
    save_model(model, place, details=details)
    return load_folder(place, trust=Trust(allow_pickle=True))


def unsigned(function: Callable[[Any], Any], folder: Path) -> LoadedModel:
    place = folder / f"model-{next(_places)}"
    save_model(function, place)
    return load_folder(place, trust=Trust(allow_pickle=True))


class InProcess:
    """A model that shares this process's variables: a pickled function has copies of its own."""

    def __init__(self, function: Callable[[Any], Any], example: Any = None) -> None:
        self.signature = stageline.infer_signature(example)
        self._function = function

    def predict(self, data: Any, params: Any = None) -> Any:
        return self._function(self.signature.enforce(data))


def write(data: pd.DataFrame, url: str, files: Files) -> str:
    sink = io.BytesIO()
    if url.endswith(".parquet"):
        data.to_parquet(sink, row_group_size=20)
    elif "jsonl" in url:
        data.to_json(sink, orient="records", lines=True)
    else:
        data.to_csv(sink, index=False)
    text = gzip.compress(sink.getvalue()) if url.endswith(".gz") else sink.getvalue()
    with files.open(url, "wb") as target:
        target.write(text)
    return url


def read(url: str, files: Files) -> pd.DataFrame:
    with files.open(url, "rb") as source:
        content = io.BytesIO(source.read())
    if url.endswith(".parquet"):
        return pd.read_parquet(content)
    if url.endswith(".jsonl"):
        return pd.read_json(content, lines=True, dtype={"id": str})
    packed = "gzip" if url.endswith(".gz") else None
    return pd.read_csv(content, dtype={"id": str}, compression=packed)


@pytest.fixture(params=["local", "memory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Files]:
    if request.param == "local":
        return str(tmp_path / "data"), Files()
    if request.param == "memory":
        return f"memory://scoring-{next(_places)}/data", Files()
    server: S3Server = request.getfixturevalue("seaweedfs_server")
    return server.new_place(), Files(server.options)


@pytest.mark.parametrize("source", ["in.parquet", "in.csv", "in.csv.gz", "in.jsonl"])
@pytest.mark.parametrize("target", ["out.parquet", "out.csv", "out.csv.gz", "out.jsonl"])
def test_each_format_goes_into_each(
    source: str, target: str, model: LoadedModel, data: pd.DataFrame, tmp_path: Path
) -> None:
    files = Files()
    given = write(data, str(tmp_path / source), files)
    wanted = str(tmp_path / target)
    scored = predict_files(model, given, wanted, Scoring(keep=("id",), batch_size=10))
    assert (scored.rows, scored.columns, scored.files) == (ROWS, ("id", "prediction"), 1)
    found = read(wanted, files)
    assert [*found["id"]] == [*data["id"]]
    np.testing.assert_allclose(found["prediction"], data["a"] * 2)


def test_any_place_is_read_and_written(
    model: LoadedModel, data: pd.DataFrame, place: tuple[str, Files]
) -> None:
    url, files = place
    for number in range(3):
        write(data.iloc[number * 30 : number * 30 + 30], f"{url}/in/{number}.parquet", files)
    write(data, f"{url}/in/_SUCCESS", files)
    told: list[int] = []
    scored = predict_files(
        model,
        f"{url}/in",
        f"{url}/out.parquet",
        Scoring(keep=ALL),
        files=files,
        progress=told.append,
    )
    assert (scored.rows, scored.files) == (90, 3)
    found = read(f"{url}/out.parquet", files)
    np.testing.assert_allclose(found["prediction"], found["a"] * 2)
    sizes = [file.size for file in files.list(f"{url}/in") if file.url.endswith("parquet")]
    assert sum(told) == sum(sizes), "all bytes of the input are told"
    assert min(told) >= 0


def test_failure_in_the_middle_leaves_what_was_there(
    model: LoadedModel, data: pd.DataFrame, place: tuple[str, Files]
) -> None:
    url, files = place
    data.loc[70, "b"] = None
    text = data.astype({"b": object})
    text.loc[70, "b"] = "many"
    given = write(text, f"{url}/in.csv", files)
    with pytest.raises(InvalidInput, match=r"in.csv, rows 61 to 80: row 71, column 'b': 'many'"):
        predict_files(model, given, f"{url}/out.parquet", Scoring(batch_size=20), files=files)
    assert [file.url for file in files.list(url)] == [given]

    with files.open(f"{url}/out.parquet", "wb") as before:
        before.write(b"as it was")
    with pytest.raises(InvalidInput):
        predict_files(
            model, given, f"{url}/out.parquet", Scoring(batch_size=20), files=files, overwrite=True
        )
    with files.open(f"{url}/out.parquet", "rb") as after:
        assert after.read() == b"as it was"


def test_failed_upload_of_several_parts_is_aborted(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    rows = 4_000_000
    noise = np.random.default_rng(0).random(rows)
    pq.write_table(pa.table({"a": noise}), tmp_path / "in.parquet", row_group_size=500_000)

    def fails_late(data: pd.DataFrame) -> Any:
        if data["a"].iloc[-1] == noise[-1]:
            raise RuntimeError("at the last row")
        return data["a"] * 2

    url, files = seaweedfs_server.new_bucket(), Files(seaweedfs_server.options)
    with pytest.raises(InvalidInput, match="the model failed: RuntimeError: at the last row"):
        predict_files(
            unsigned(fails_late, tmp_path),
            str(tmp_path / "in.parquet"),
            f"{url}/out.parquet",
            Scoring(batch_size=500_000),
            files=files,
        )
    assert not files.has(f"{url}/out.parquet")
    bucket = url.removeprefix("s3://")
    pending = seaweedfs_server.fs.call_s3("list_multipart_uploads", Bucket=bucket)
    assert not pending.get("Uploads")


def test_what_is_there_is_not_overwritten_unless_told(
    model: LoadedModel, data: pd.DataFrame, place: tuple[str, Files]
) -> None:
    url, files = place
    given = write(data, f"{url}/in.parquet", files)
    wanted = f"{url}/out.csv"
    predict_files(model, given, wanted, files=files)
    with pytest.raises(AlreadyExists, match=r"out\.csv"):
        predict_files(model, given, wanted, files=files)
    assert predict_files(model, given, wanted, files=files, overwrite=True).rows == ROWS
    with pytest.raises(InvalidInput, match="is the input as well"):
        predict_files(model, given, given, files=files, overwrite=True)


def test_memory_is_that_of_a_batch_not_of_the_file(tmp_path: Path) -> None:
    rows, width = 400_000, 10
    schema = pa.schema([(f"f{n}", pa.float64()) for n in range(width)])
    with pq.ParquetWriter(tmp_path / "in.parquet", schema, compression="none") as writer:
        for group in range(8):
            numbers = np.arange(rows // 8, dtype=float) + group
            writer.write_table(pa.table(dict.fromkeys(schema.names, numbers)))
    size = (tmp_path / "in.parquet").stat().st_size
    assert size > 20 << 20
    arrow: list[int] = []

    def first(data: pd.DataFrame) -> Any:
        arrow.append(pa.total_allocated_bytes())
        return data["f0"]

    model = InProcess(first)
    before = pa.total_allocated_bytes()
    with memory_peak() as peak:
        predict_files(
            model,
            str(tmp_path / "in.parquet"),
            str(tmp_path / "out.parquet"),
            Scoring(batch_size=2_000),
        )
    assert len(arrow) == rows / 2_000
    held = max(arrow) - before
    assert peak() + held < size / 2, f"{peak()} bytes of Python and {held} of Arrow for {size}"
    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize(
    ("result", "columns"),
    [
        (lambda data: data[["a", "b"]].to_numpy(), ["prediction_0", "prediction_1"]),
        (lambda data: data[["a", "b"]].rename(columns={"a": "x", "b": "y"}), ["x", "y"]),
        (lambda data: {"x": data["a"].to_numpy(), "y": data[["b"]].to_numpy()}, ["x", "y"]),
        (lambda data: [*data["a"]], ["prediction"]),
        (lambda data: np.zeros((len(data), 2, 2)), ["prediction"]),
        (lambda data: [{"of": one} for one in data["a"]], ["prediction"]),
        (lambda data: data["a"], ["prediction"]),
    ],
)
def test_whatever_a_model_returns_becomes_columns(
    result: Any, columns: list[str], data: pd.DataFrame, tmp_path: Path
) -> None:
    given = write(data, str(tmp_path / "in.parquet"), Files())
    for name in ("out.parquet", "out.csv"):
        scored = predict_files(
            unsigned(result, tmp_path), given, str(tmp_path / name), Scoring(batch_size=40)
        )
        assert [*scored.columns] == columns
        assert len(read(str(tmp_path / name), Files())) == ROWS


def test_outputs_of_the_signature_name_the_columns(data: pd.DataFrame, tmp_path: Path) -> None:
    inputs = data[["a", "b"]]
    both = MultiOutputRegressor(LinearRegression()).fit(inputs, inputs)
    named = pd.DataFrame(both.predict(inputs), columns=["left", "right"])
    given = write(data, str(tmp_path / "in.csv"), Files())
    model = loaded(both, inputs, tmp_path, named)
    assert predict_files(model, given, str(tmp_path / "out.csv")).columns == ("left", "right")


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda data: data["a"].iloc[1:], "returned 39 values of 'prediction' for 40 rows"),
        (lambda data: 3.0, "returned a float for 40 rows"),
        (lambda data: [object()] * len(data), "returned what no column can hold"),
    ],
)
def test_predictions_that_are_no_columns_are_told(
    result: Any, told: str, data: pd.DataFrame, tmp_path: Path
) -> None:
    given = write(data, str(tmp_path / "in.parquet"), Files())
    with pytest.raises(InvalidInput, match=told):
        predict_files(
            unsigned(result, tmp_path), given, str(tmp_path / "out.parquet"), Scoring(batch_size=40)
        )
    assert not (tmp_path / "out.parquet").exists()


def test_rows_that_do_not_fit_are_told_by_file_rows_and_column(
    model: LoadedModel, data: pd.DataFrame, tmp_path: Path
) -> None:
    files = Files()
    write(data, str(tmp_path / "in" / "1.parquet"), files)
    write(data.astype({"b": str}), str(tmp_path / "in" / "2.parquet"), files)
    with pytest.raises(InvalidInput, match=r"2\.parquet, rows 1 to 50: .*for column b\.") as raised:
        predict_files(
            model, str(tmp_path / "in"), str(tmp_path / "out.csv"), Scoring(batch_size=50)
        )
    assert "0.5" not in str(raised.value), "the data are not in the message"
    write(data[["id", "a"]], str(tmp_path / "narrow.parquet"), files)
    with pytest.raises(InvalidInput, match=r"narrow\.parquet, .*missing inputs \['b'\]"):
        predict_files(model, str(tmp_path / "narrow.parquet"), str(tmp_path / "out.csv"))


def test_column_that_is_not_there_can_not_be_kept(
    model: LoadedModel, data: pd.DataFrame, tmp_path: Path
) -> None:
    for name in ("in.parquet", "in.csv", "in.jsonl"):
        given = write(data, str(tmp_path / name), Files())
        with pytest.raises(InvalidInput, match=r"no columns \['key'\] to keep"):
            predict_files(model, given, str(tmp_path / "out.csv"), Scoring(keep=("key",)))
    named = data.assign(prediction=0.0)
    given = write(named, str(tmp_path / "named.parquet"), Files())
    with pytest.raises(InvalidInput, match="name the prediction differently"):
        predict_files(model, given, str(tmp_path / "out.csv"), Scoring(keep=ALL))
    again = Scoring(keep=ALL, prediction="now")
    assert "now" in predict_files(model, given, str(tmp_path / "out.csv"), again).columns


def test_text_is_kept_as_it_is_and_parsed_for_the_model(tmp_path: Path) -> None:
    text = 'id,note,a,ok,at\n007,"x, ""y""\nz",1,true,2026-01-31\n008,NA,,false,\n'
    (tmp_path / "in.csv").write_text(text)
    example = pd.DataFrame(
        {"a": [1.0], "ok": [True], "at": pd.to_datetime(["2026-01-31"]), "note": ["x"]}
    )
    seen: list[pd.DataFrame] = []

    def look(given: pd.DataFrame) -> Any:
        seen.append(given)
        return given["a"]

    model = InProcess(look, example)
    predict_files(
        model, str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), Scoring(keep=("id", "note"))
    )
    kept = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert kept.to_numpy().tolist() == [["007", 'x, "y"\nz', "1"], ["008", "NA", ""]]
    (given,) = seen
    assert [str(given[name].dtype) for name in ("a", "ok")] == ["float64", "bool"]
    assert given["at"].tolist()[0] == pd.Timestamp("2026-01-31")
    assert given["at"].isna().tolist() == [False, True]
    assert given["note"].tolist() == ['x, "y"\nz', "NA"]


def test_arrays_are_given_in_the_order_that_is_asked_for(
    data: pd.DataFrame, tmp_path: Path
) -> None:
    array = data[["a", "b"]].to_numpy()
    model = loaded(LinearRegression().fit(array, array[:, 1]), array, tmp_path)
    given = write(data[["b", "id", "a"]], str(tmp_path / "in.parquet"), Files())
    scoring = Scoring(keep=("b",), inputs=("a", "b"))
    predict_files(model, given, str(tmp_path / "out.csv"), scoring)
    found = read(str(tmp_path / "out.csv"), Files())
    np.testing.assert_allclose(found["prediction"], data["b"])
    bare = Scoring(keep=("id",))
    with pytest.raises(InvalidInput, match=r"Shape|shape|dtype"):
        predict_files(
            model, write(data, str(tmp_path / "all.parquet"), Files()), str(tmp_path / "b.csv"),
        )  # fmt: skip
    predict_files(model, str(tmp_path / "all.parquet"), str(tmp_path / "b.csv"), bare)
    np.testing.assert_allclose(read(str(tmp_path / "b.csv"), Files())["prediction"], data["b"])


def test_empty_files_are_scored_to_no_rows(
    model: LoadedModel, data: pd.DataFrame, tmp_path: Path
) -> None:
    files = Files()
    write(data.iloc[:0], str(tmp_path / "in" / "1.parquet"), files)
    scoring = Scoring(keep=("id",))
    predict_files(model, str(tmp_path / "in"), str(tmp_path / "none.parquet"), scoring)
    schema = pq.read_schema(tmp_path / "none.parquet")
    assert [schema.field("prediction").type, schema.names] == [pa.float64(), ["id", "prediction"]]
    write(data, str(tmp_path / "in" / "2.parquet"), files)
    some = predict_files(model, str(tmp_path / "in"), str(tmp_path / "some.parquet"), scoring)
    assert some.rows == ROWS


@pytest.mark.parametrize("cut", [0, 3, 0.5, 0.99])
def test_damaged_file_is_told(
    cut: float, model: LoadedModel, data: pd.DataFrame, tmp_path: Path
) -> None:
    given = tmp_path / "in.parquet"
    whole = Path(write(data, str(given), Files())).read_bytes()
    given.write_bytes(whole[: int(cut if cut > 1 else cut * len(whole))])
    with pytest.raises(Corrupt, match=r"in\.parquet"):
        predict_files(model, str(given), str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("in.csv", b"", "it is empty"),
        ("in.csv", b"a,a\n1,2\n", "several columns named a"),
        ("in.csv", b"a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("in.csv", b"a,b\n\xff\xfe,2\n", "UTF8|UTF-8|utf-8"),
        ("in.jsonl", b'{"a": 1, "b": 2}\n{"a": 1,\n', "line 2 is no JSON"),
        ("in.jsonl", b"[1, 2]\n", "line 1 should be a JSON object"),
        ("in.csv.gz", b"a,b\n1,2\n", "header|gzip|incorrect"),
    ],
)
def test_damaged_text_is_told(
    name: str, content: bytes, told: str, model: LoadedModel, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((Corrupt, InvalidInput), match=told):
        predict_files(model, str(tmp_path / name), str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


def test_what_is_not_there_or_not_known_is_told(model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    out = str(tmp_path / "out.csv")
    for source in (tmp_path / "no.csv", tmp_path / "in"):
        with pytest.raises(NotFound):
            predict_files(model, str(source), out)
    (tmp_path / "in" / "readme.txt").write_text("x")
    with pytest.raises(InvalidInput, match="does not tell what is in the file"):
        predict_files(model, str(tmp_path / "in"), out)
    with pytest.raises(InvalidInput, match="does not tell"):
        predict_files(model, out, str(tmp_path / "out.xlsx"))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InvalidInput, match="pipe"):
        predict_files(model, str(tmp_path / "pipe.csv"), out)
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="no regular file"):
        predict_files(model, str(tmp_path / "in.csv"), str(tmp_path / "pipe.csv"), overwrite=True)
    with pytest.raises(InvalidInput, match="batch_size"):
        Scoring(batch_size=0)
    with pytest.raises(InvalidInput, match="has a query"):
        predict_files(model, "https://host/in.csv?token=hidden", out)


def test_labels_and_missing_values_come_through(data: pd.DataFrame, tmp_path: Path) -> None:
    kinds = np.where(data["a"] > 40, "high", "low")
    model = loaded(LogisticRegression().fit(data[["a"]], kinds), data[["a"]], tmp_path)
    given = write(data, str(tmp_path / "in.jsonl"), Files())
    predict_files(model, given, str(tmp_path / "out.parquet"))
    found = read(str(tmp_path / "out.parquet"), Files())
    assert [*found["prediction"]] == [*model.predict(data[["a"]])]
    gaps = unsigned(lambda given: given["a"].where(given["a"] > 20), tmp_path)
    predict_files(gaps, given, str(tmp_path / "gaps.csv"), Scoring(batch_size=7))
    assert read(str(tmp_path / "gaps.csv"), Files())["prediction"].isna().sum() == 20
