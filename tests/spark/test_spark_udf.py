"""Models as functions of Spark's columns, on a real Spark with workers of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PythonException
from pyspark.sql import functions as sql
from pyspark.sql.types import DoubleType
from servers import S3Server
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputRegressor

import stageline
from stageline.errors import InvalidInput, NotAllowed, NotFound
from stageline.models import spark_udf
from stageline.models.saving import Details, save_model

ROWS = 240


@pytest.fixture
def frame() -> pd.DataFrame:
    numbers = np.arange(float(ROWS))
    return pd.DataFrame(
        {"id": [*range(ROWS)], "a": numbers, "b": numbers % 7, "kind": numbers % 2 > 0}
    )


@pytest.fixture
def table(spark: Any, frame: pd.DataFrame) -> Any:
    return spark.createDataFrame(frame).repartition(2).cache()


@pytest.fixture
def few(spark: Any, frame: pd.DataFrame) -> Any:
    """One task's rows: a task that fails takes its worker with it, and a new one imports everything anew."""
    return spark.createDataFrame(frame.head(3)).coalesce(1)


@pytest.fixture
def linear(frame: pd.DataFrame) -> LinearRegression:
    return LinearRegression().fit(frame[["a", "b"]], frame["a"] * 3 - frame["b"])


@pytest.fixture
def model(linear: LinearRegression, frame: pd.DataFrame, tmp_path: Path) -> Path:
    saved(linear, tmp_path / "model", frame[["a", "b"]])
    return tmp_path / "model"


def saved(model: Any, path: Path, example: Any, **options: Any) -> None:
    signature = stageline.infer_signature(example, model.predict(example))
    save_model(model, path, details=Details(signature=signature), **options)


def column(table: Any, function: Any) -> list[Any]:
    rows = table.select("id", function.alias("p")).collect()
    return [row["p"] for row in sorted(rows, key=lambda row: row["id"])]


def test_every_way_to_name_the_inputs_gives_what_the_model_gives(
    spark: Any, table: Any, model: Path, linear: LinearRegression, frame: pd.DataFrame
) -> None:
    predict = spark_udf(spark, model)
    expected = linear.predict(frame[["a", "b"]])
    for called in (
        predict(),
        predict("a", "b"),
        predict(sql.col("a"), sql.col("b")),
        predict(sql.struct("b", "a", "kind")),
    ):
        np.testing.assert_allclose(column(table, called), expected)


def test_registered_model_is_found_in_the_store_and_loaded_from_it(
    spark: Any,
    table: Any,
    linear: LinearRegression,
    frame: pd.DataFrame,
    seaweedfs_server: S3Server,
) -> None:
    place = seaweedfs_server.new_place()
    stageline.set_store(place, storage_options=seaweedfs_server.options)
    with stageline.start_run():
        stageline.log_model(
            linear, input_example=frame[["a", "b"]].head(3), registered_model_name="wine"
        )
    predict = spark_udf(spark, "models:/wine/latest")
    np.testing.assert_allclose(column(table, predict()), linear.predict(frame[["a", "b"]]))


def test_a_worker_loads_the_model_once(
    spark: Any, table: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    log = tmp_path / "loads"
    log.mkdir()

    class Counting:
        def load_context(self, context: Any) -> None:
            import os
            import uuid

            (log / f"{os.getpid()}-{uuid.uuid4().hex}").touch()

        def predict(self, data: Any) -> Any:
            return data["a"]

    signature = stageline.infer_signature(frame[["a"]], frame["a"])
    save_model(Counting(), tmp_path / "counting", details=Details(signature=signature))
    predict = spark_udf(spark, tmp_path / "counting", allow_pickle=True)
    for _ in range(3):
        assert column(table, predict("a")) == [*frame["a"]]
    workers = [path.name.partition("-")[0] for path in log.iterdir()]
    assert workers, "it was loaded by workers"
    assert len(workers) == len(set(workers)) <= 2, "6 tasks of several batches each"


def test_several_outputs_are_a_struct_or_an_array(
    spark: Any, table: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    data = frame[["a", "b"]]
    both = MultiOutputRegressor(LinearRegression()).fit(data, frame[["b", "a"]])
    saved(both, tmp_path / "array", data)
    rows = column(table, spark_udf(spark, tmp_path / "array")())
    np.testing.assert_allclose(rows, both.predict(data), atol=1e-9)

    named = spark_udf(spark, tmp_path / "array", result_type="one double, two double")
    rows = column(table, named())
    np.testing.assert_allclose([row["two"] for row in rows], frame["a"], atol=1e-9)

    outputs = pd.DataFrame({"sure": frame["a"] / ROWS, "name": ["x"] * ROWS})
    signature = stageline.infer_signature(data, outputs)
    function = save_model(
        lambda given: given.assign(sure=given["a"] / 240, name="x")[["sure", "name"]],
        tmp_path / "struct",
        details=Details(signature=signature),
    )
    assert function.signature is not None
    rows = column(table, spark_udf(spark, tmp_path / "struct", allow_pickle=True)())
    assert [row["name"] for row in rows] == ["x"] * ROWS
    np.testing.assert_allclose([row["sure"] for row in rows], outputs["sure"])


def test_type_of_the_signature_is_the_type_of_the_column(
    spark: Any, table: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    kind = LogisticRegression().fit(frame[["b"]], frame["id"] % 2)
    saved(kind, tmp_path / "kind", frame[["b"]])
    told = table.select(spark_udf(spark, tmp_path / "kind")().alias("p")).schema["p"]
    assert told.dataType.simpleString() == "bigint"
    as_double = spark_udf(spark, tmp_path / "kind", result_type=DoubleType())
    assert column(table, as_double()) == [*kind.predict(frame[["b"]]).astype(float)]


def test_prediction_that_does_not_fit_the_type_is_refused_not_cut(
    spark: Any, few: Any, model: Path
) -> None:
    predict = spark_udf(spark, model, result_type="int")
    with pytest.raises(PythonException, match="not of the result type int"):
        column(few.withColumn("a", sql.col("a") / 7), predict("a", "b"))


def test_rows_that_do_not_fit_the_signature_are_told(spark: Any, few: Any, model: Path) -> None:
    predict = spark_udf(spark, model)
    with pytest.raises(PythonException, match="Incompatible input types for column b"):
        column(few, predict("a", sql.lit("x")))
    with pytest.raises(PythonException, match="Model is missing inputs"):
        column(few, predict("a"))


def test_pickle_takes_consent_on_the_workers_too(
    spark: Any, few: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(lambda data: data["0"], tmp_path / "pickle")
    with pytest.raises(PythonException, match=NotAllowed.__name__):
        column(few, spark_udf(spark, tmp_path / "pickle")("a"))
    assert column(few, spark_udf(spark, tmp_path / "pickle", allow_pickle=True)("a")) == [
        *frame["a"].head(3)
    ]


def test_model_that_was_replaced_meanwhile_is_not_used(
    spark: Any, few: Any, model: Path, frame: pd.DataFrame
) -> None:
    import shutil

    predict = spark_udf(spark, model)
    shutil.rmtree(model)
    saved(LinearRegression().fit(frame[["a", "b"]], frame["b"]), model, frame[["a", "b"]])
    with pytest.raises(PythonException, match="is not the one that"):
        column(few, predict())


def test_what_can_be_told_on_the_driver_is(spark: Any, model: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        spark_udf(spark, tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="no type of Spark's"):
        spark_udf(spark, model, result_type="nonsense of a type")


def test_no_credentials_are_sent_to_the_workers(
    spark: Any, linear: LinearRegression, frame: pd.DataFrame, seaweedfs_server: S3Server
) -> None:
    from pyspark import cloudpickle

    stageline.set_store(seaweedfs_server.new_place(), storage_options=seaweedfs_server.options)
    with stageline.start_run():
        info = stageline.log_model(linear, input_example=frame[["a", "b"]].head(3))
    sent = cloudpickle.dumps(spark_udf(spark, info.model_uri))
    assert b"sha256" in sent, "it is the function, with the model's place"
    assert seaweedfs_server.options["secret"].encode() not in sent
