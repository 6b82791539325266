"""The scoring protocol: requests that MLflow's own server was asked get the answers that it gave, to the byte."""

from __future__ import annotations

import functools
import json
import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from scored import BEHAVIOURS
from scoring_cases import CASES, CSV, JSON, MODELS, Case

from stageline.errors import InvalidInput
from stageline.models import scoring_json
from stageline.models.loading import LoadedModel, load_folder
from stageline.models.saving import Details, save_model
from stageline.models.scoring import PROTOCOL_VERSION, score
from stageline.models.scoring_json import MAX_DEPTH, read_json
from stageline.models.signature import ModelSignature
from stageline.models.trust import Trust

RECORDED = json.loads(
    (Path(__file__).parent / "fixtures" / "scoring" / f"mlflow-{PROTOCOL_VERSION}.json").read_text()
)
THEIRS = {answer["name"]: answer for answer in RECORDED["answers"]}

Models = dict[str, LoadedModel]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for name, (behaviour, signature) in MODELS.items():
        raw = RECORDED["signatures"][signature]
        details = Details(
            signature=ModelSignature.from_dict(raw) if raw else None, pip_requirements=[]
        )
        save_model(BEHAVIOURS[behaviour], folder / name, "pyfunc", details=details)
        found[name] = load_folder(folder / name, trust=Trust(allow_pickle=True))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore")  # of pandas, about what a request holds
def test_answer_is_that_of_mlflow(case: Case, models: Models) -> None:
    theirs, ours = THEIRS[case.name], score(models[case.model], case.body, case.content_type)
    assert ours.status == theirs["status"], ours.body
    if ours.status == 200:
        assert ours.body.decode() == theirs["body"]
        assert ours.media_type == theirs["type"]
    elif ours.status == 415:
        assert theirs["type"].startswith(ours.media_type)
    else:
        told, wanted = json.loads(ours.body), json.loads(theirs["body"])
        assert told["error_code"] == wanted["error_code"]
        assert told["message"].split()[:2] == wanted["message"].split()[:2]


def test_error_says_nothing_of_the_inside_of_a_model(
    models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "stageline"):
        answer = score(models["fails"], b'{"inputs": [1]}', JSON)
    assert answer.status == 400
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert "/secret/place" in caplog.text, "whoever runs the server is told"


def test_answer_that_json_can_not_say_is_the_servers_fault(models: Models) -> None:
    model = load_like(models["answers"], lambda data: {object(): 1})
    assert score(model, b'{"inputs": [1]}', JSON).status == 500
    circle: list[Any] = []
    circle.append(circle)
    model = load_like(models["answers"], lambda data: circle)
    assert score(model, b'{"inputs": [1]}', JSON).status == 500


def test_whole_answer_of_an_error_is_short(models: Models) -> None:
    body = json.dumps({"columns": ["x" * 1000] * 1000}).encode()
    assert len(score(models["kinds-plain"], body, JSON).body) < 10_000


def load_like(model: LoadedModel, predict: Any) -> LoadedModel:
    """The same, where something else predicts."""
    other = LoadedModel.__new__(LoadedModel)
    other.__dict__.update(model.__dict__, _predict=lambda data, params: predict(data))
    return other


# -- limits -------------------------------------------------------------------------------------------


def test_deep_nesting_is_refused_before_it_is_parsed(models: Models) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b'{"inputs":' + b"[" * 99 + b"]" * 99 + b"}"):
        answer = score(models["kinds-none"], body, JSON)
        assert answer.status == 400
        assert b"nested" in answer.body


def test_brackets_in_texts_are_no_nesting() -> None:
    texts = ["[" * 500, "{" * 500, '"]' * 500, "\\" + "[" * 100]
    assert read_json(json.dumps({"inputs": texts}).encode()) == {"inputs": texts}


def test_nesting_up_to_the_limit_is_read() -> None:
    body = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert read_json(body) is not None


def test_more_values_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_json, "MAX_VALUES", 10)
    monkeypatch.setattr(scoring_json, "MAX_ROWS", 10)
    assert read_json(json.dumps([1] * 11).encode())
    with pytest.raises(InvalidInput, match="more than 10 values"):
        read_json(json.dumps([1] * 12).encode())
    with pytest.raises(InvalidInput, match="lists and objects"):
        read_json(json.dumps([[]] * 11).encode())
    assert read_json(json.dumps([",[" * 100]).encode()), "what is in a text does not count"


def test_wide_tables_are_refused(models: Models) -> None:
    wide = {"dataframe_split": {"columns": [*map(str, range(20_000))], "data": []}}
    records = {"dataframe_records": [{str(at): 1 for at in range(20_000)}]}
    for body in (json.dumps(wide).encode(), json.dumps(records).encode()):
        assert b"more than 10000 columns" in score(models["kinds-none"], body, JSON).body
    assert b"columns" in score(models["kinds-none"], b"," * 20_000 + b"\n1\n", CSV).body


def test_parquet_is_read_where_it_can_be(models: Models, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": [1.5, 2.5]}).to_parquet(tmp_path / "a.parquet")
    kind = "application/vnd.apache.parquet"
    body = (tmp_path / "a.parquet").read_bytes()
    answer = score(models["kinds-none"], body, kind)
    assert b"float64" in answer.body
    assert score(models["kinds-none"], body[:-20], kind).status == 400
    huge = pd.DataFrame({"a": np.zeros(6_000_000, dtype="int8")})
    huge.to_parquet(tmp_path / "huge.parquet")
    small_file = (tmp_path / "huge.parquet").read_bytes()
    assert len(small_file) < 100_000
    assert b"more than" in score(models["kinds-none"], small_file, kind).body


# -- whatever is sent -----------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
KEYS = st.sampled_from(
    ["dataframe_split", "dataframe_records", "instances", "inputs", "params", "prompt", "x"]
)
PARTS = st.dictionaries(
    st.sampled_from(["columns", "index", "data", "a", "b", "c", "p", "q", "v", "o"]),
    VALUES,
    max_size=4,
)


@functools.cache
def _quiet() -> None:
    logging.getLogger("stageline").addHandler(logging.NullHandler())


@pytest.mark.filterwarnings("ignore")
@given(
    st.dictionaries(KEYS, VALUES | PARTS | st.lists(PARTS, max_size=3), max_size=2),
    st.sampled_from([f"kinds-{name}" for name in RECORDED["signatures"]]),
)
def test_no_document_is_the_servers_fault(
    models: Models, document: dict[str, Any], name: str
) -> None:
    _quiet()
    assert score(models[name], json.dumps(document).encode(), JSON).status in (200, 400)


@pytest.mark.filterwarnings("ignore")
@given(st.binary(max_size=200), st.sampled_from([JSON, CSV, "application/vnd.apache.parquet"]))
def test_no_body_is_the_servers_fault(models: Models, body: bytes, kind: str) -> None:
    assert score(models["kinds-none"], body, kind).status in (200, 400)


@given(VALUES)
def test_json_is_read_as_python_reads_it(value: Any) -> None:
    text = json.dumps(value).encode()
    assert repr(read_json(text)) == repr(json.loads(text))


@given(st.text(max_size=40))
def test_what_is_no_json_for_python_is_none_here(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(InvalidInput):
            read_json(text.encode("utf-8", "surrogatepass"))
    else:
        assert repr(read_json(text.encode("utf-8", "surrogatepass"))) == repr(wanted)


def test_model_that_predicts_in_threads_is_asked_with_its_own_data(models: Models) -> None:
    from concurrent.futures import ThreadPoolExecutor

    bodies = [json.dumps({"inputs": [number]}).encode() for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(lambda body: score(models["kinds-none"], body, JSON).body, bodies)]
    assert [f"[{number}]" in answer.decode() for number, answer in enumerate(answers)] == [
        True
    ] * 64
    assert pickle.loads(pickle.dumps(Trust())) == Trust(), "an order crosses to another process"
