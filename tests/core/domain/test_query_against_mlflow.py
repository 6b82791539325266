"""The same filters and orderings put to MLflow's own store: runs only where MLflow is installed beside Stageline.

MLflow is not among our development dependencies; to run this, install `mlflow==3.17.2` into a scratch environment.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from stageline.domain.like import matches
from stageline.domain.query import RUNS, Entity, parse_filter

pytest.importorskip("mlflow")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

VERDICTS = {
    "both accept": True,
    "only MLflow accepts": True,
    "both refuse": False,
    "only Stageline accepts": False,
}

RUN_VALUES = [
    {"metrics": {"a": 1.0}, "params": {"a": "x"}, "tags": {"t": "Abc"}},
    {"metrics": {"a": math.nan}, "params": {"a": "X"}, "tags": {"t": "abc"}},
    {"metrics": {"a": 2.5}, "params": {"a": "xyx"}, "tags": {"t": "a%c"}},
    {"metrics": {"a": -1.0, "b": 0.0}, "params": {"a": ""}, "tags": {"t": "a_c"}},
    {"metrics": {}, "params": {}, "tags": {}},
    {"metrics": {"a": 0.0}, "params": {"a": "x\ny"}, "tags": {"t": "a\\c"}},
]
MEANINGS = [
    "metrics.a > 0",
    "metrics.a >= 1",
    "metrics.a < 1",
    "metrics.a <= 0",
    "metrics.a = 0",
    "metrics.a != 0",
    "metrics.a != 1",
    "metrics.b != 1",
    "params.a = 'x'",
    "params.a != 'x'",
    "params.a = ''",
    "params.a LIKE 'x'",
    "params.a LIKE 'X'",
    "params.a ILIKE 'X'",
    "params.a LIKE 'x%'",
    "params.a LIKE '%x'",
    "params.a LIKE '%y%'",
    "params.a LIKE 'x%y'",
    "params.a LIKE '_'",
    "params.a LIKE '_%_'",
    "params.a LIKE '%'",
    "params.a LIKE ''",
    "params.a IS NULL",
    "params.a IS NOT NULL",
    "tags.t LIKE 'a%c'",
    "tags.t LIKE 'a_c'",
    "tags.t ILIKE 'A_C'",
    "tags.t LIKE 'a\\%c'",
    "tags.t LIKE 'a\\c'",
    "tags.t != 'abc'",
    "tags.missing != 'abc'",
]


@pytest.fixture(scope="module")
def mlflow_store(tmp_path_factory):
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("mlflow")
    store = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"))
    experiment_id = store.create_experiment("oracle")
    for number, values in enumerate(RUN_VALUES):
        run = store.create_run(experiment_id, "user", number, [], str(number))
        store.log_batch(
            run.info.run_id,
            [Metric(key, value, 0, 0) for key, value in values["metrics"].items()],
            [Param(key, value) for key, value in values["params"].items()],
            [RunTag(key, value) for key, value in values["tags"].items()],
        )
    return store, experiment_id


def lines():
    heading = ""
    for line in Path(__file__).with_name("search_cases.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            heading = line[3:]
        elif line and heading:
            kind, verdict = heading.split(", ")
            text = line.replace("\\n", "\n").replace("\\t", "\t").replace("·", " ")
            yield kind, text, VERDICTS[verdict]


def is_accepted(mlflow_store, kind, text):
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    store, experiment_id = mlflow_store
    subject, part = kind.split()
    filter_string, order_by = (text, None) if part == "filter" else ("", [text])
    try:
        if subject == "runs":
            store.search_runs([experiment_id], filter_string, ViewType.ALL, 10, order_by)
        else:
            store.search_experiments(filter_string=filter_string, order_by=order_by)
    except MlflowException:
        return False
    return True


@pytest.mark.parametrize(("kind", "text", "accepts"), list(lines()))
def test_mlflow_answers_as_the_table_says(mlflow_store, kind, text, accepts):
    assert is_accepted(mlflow_store, kind, text) is accepts


@pytest.mark.parametrize("text", MEANINGS)
def test_filter_means_what_it_means_to_mlflow(mlflow_store, text):
    from mlflow.entities import ViewType

    store, experiment_id = mlflow_store
    folder = {Entity.METRIC: "metrics", Entity.PARAM: "params", Entity.TAG: "tags"}
    [comparison] = parse_filter(text, RUNS)
    expected = {
        str(number)
        for number, values in enumerate(RUN_VALUES)
        if matches(comparison, values[folder[comparison.entity]].get(comparison.key))
    }

    runs = store.search_runs([experiment_id], text, ViewType.ALL, 100, None)

    assert {run.info.run_name for run in runs} == expected
