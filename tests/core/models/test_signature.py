"""Signatures: inferred as the field infers them, and enforced so that a model sees what it was made for."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.errors import Corrupt, InvalidInput
from stageline.models.signature import ModelSignature, infer_signature

INTS = st.integers(-(2**31), 2**31 - 1)
COLUMNS: dict[str, st.SearchStrategy[list[Any]]] = {
    "double": st.lists(st.floats(allow_nan=False), min_size=3, max_size=3),
    "long": st.lists(INTS, min_size=3, max_size=3),
    "boolean": st.lists(st.booleans(), min_size=3, max_size=3),
    "string": st.lists(st.text(st.characters(codec="utf-8")), min_size=3, max_size=3),
    "binary": st.lists(st.binary(), min_size=3, max_size=3),
    "datetime": st.lists(
        st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2100, 1, 1)),
        min_size=3,
        max_size=3,
    ),
    "array": st.lists(st.lists(INTS, min_size=1), min_size=3, max_size=3),
    "object": st.lists(
        st.fixed_dictionaries({"k": INTS, "s": st.text("abc")}), min_size=3, max_size=3
    ),
}


@given(st.data())
def test_what_a_signature_was_inferred_from_passes_it_unchanged(data: st.DataObject) -> None:
    kinds = data.draw(
        st.dictionaries(st.text("abcxyz", min_size=1), st.sampled_from([*COLUMNS]), min_size=1)
    )
    frame = pd.DataFrame({name: data.draw(COLUMNS[kind]) for name, kind in kinds.items()})
    signature = infer_signature(frame)
    found = signature.enforce(frame)
    expected = frame.astype(
        {name: "datetime64[ns]" for name, kind in kinds.items() if kind == "datetime"}
    )
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert [column.type for column in signature.inputs or ()] == [*kinds.values()]
    assert ModelSignature.from_dict(signature.to_dict()) == signature


@given(
    st.sampled_from(["float32", "float64", "int64", "int8", "bool", "uint16"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_an_array_passes_its_own_signature_with_any_number_of_rows(
    dtype: str, shape: list[int]
) -> None:
    signature = infer_signature(np.zeros(shape, dtype))
    for rows in (1, 7):
        array = np.ones([rows, *shape[1:]], dtype)
        assert signature.enforce(array) is array
    with pytest.raises(InvalidInput, match="Shape of input"):
        signature.enforce(np.zeros([*shape, 2], dtype))


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.one_of(INTS, st.floats(allow_nan=False), st.booleans(), st.text()),
    )
)
def test_params_pass_their_own_schema(params: dict[str, Any]) -> None:
    signature = infer_signature(params=params)
    assert signature.enforce_params(params) == params
    if params:
        assert signature.enforce_params({}) == params, "defaults are filled in"
        assert ModelSignature.from_dict(signature.to_dict()) == signature


def test_signature_is_spelled_as_the_field_spells_it() -> None:
    frame = pd.DataFrame({"a": [1.0, None], "b": [1, 2], "c": [{"k": 1}, {"k": 2, "z": "s"}]})
    signature = infer_signature(frame, np.zeros(2), {"q": 0.5, "ks": [1, 2]})
    told = {part: json.loads(text or "null") for part, text in signature.to_dict().items()}
    inner = {"k": {"type": "long", "required": True}, "z": {"type": "string", "required": False}}
    assert told == {
        "inputs": [
            {"type": "double", "name": "a", "required": False},
            {"type": "long", "name": "b", "required": True},
            {"type": "object", "properties": inner, "name": "c", "required": True},
        ],
        "outputs": [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}],
        "params": [
            {"name": "q", "default": 0.5, "shape": None, "type": "double"},
            {"name": "ks", "default": [1, 2], "shape": [-1], "type": "long"},
        ],
    }


def test_missing_column_is_named_as_the_field_names_it() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.0], "b": [1.0]}))
    with pytest.raises(
        InvalidInput,
        match=r"(?s)Failed to enforce schema of data .*Model is missing inputs \['b'\]\. Note ",
    ):
        signature.enforce(pd.DataFrame({"a": [1.0], "x": [1.0]}))


def test_extra_columns_are_left_out_and_order_is_that_of_the_schema() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.0], "b": [1.0]}))
    given_frame = pd.DataFrame({"x": [0], "b": [2.0], "a": [1.0]})
    assert [*signature.enforce(given_frame).columns] == ["a", "b"]
    assert [*given_frame.columns] == ["x", "b", "a"], "what was given is not changed"


@pytest.mark.parametrize(
    ("have", "want", "widens"),
    [
        ("int32", "float64", True), ("int64", "float64", False), ("float32", "float64", True),
        ("float64", "float32", False), ("int32", "int64", True), ("int64", "int32", False),
        ("uint8", "int32", True), ("float64", "int64", False), ("bool", "int64", False), ("int64", "bool", False),
    ],
)  # fmt: skip
def test_types_are_cast_only_where_nothing_is_lost(have: str, want: str, widens: bool) -> None:
    signature = infer_signature(pd.DataFrame({"a": np.zeros(2, want)}))
    frame = pd.DataFrame({"a": np.array([1, 3]).astype(have)})
    if widens:
        assert str(signature.enforce(frame)["a"].dtype) == want
    else:
        with pytest.raises(
            InvalidInput, match=r"Incompatible input types for column a\. Can not safely convert"
        ):
            signature.enforce(frame)


def test_whole_zeros_and_ones_pass_for_doubles_since_json_has_no_0_0() -> None:
    signature = infer_signature(pd.DataFrame({"a": [0.5]}))
    assert str(signature.enforce(pd.DataFrame({"a": [0, 1]}))["a"].dtype) == "float64"


def test_integers_with_missing_values_get_the_hint() -> None:
    signature = infer_signature(pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(
        InvalidInput, match="Hint: the type mismatch is likely caused by missing values"
    ):
        signature.enforce(pd.DataFrame({"a": [1.0, None]}))


def test_records_and_dicts_become_frames() -> None:
    signature = infer_signature(pd.DataFrame({"a": [0.5, 1.5]}))
    for data in ([{"a": 2.5}], {"a": [2.5]}, {"a": 2.5}, {"a": np.array([2.5])}):
        assert signature.enforce(data)["a"].tolist() == [2.5]


def test_wrong_params_are_told_all_at_once_and_unknown_ones_left_out() -> None:
    signature = infer_signature(params={"q": 0.5, "n": 3, "ks": [1]})
    assert signature.enforce_params({"q": 1, "other": 2}) == {"q": 1.0, "n": 3, "ks": [1]}
    with pytest.raises(InvalidInput, match=r"Invalid parameters found:.*'q'.*'n'.*'ks'"):
        signature.enforce_params({"q": "high", "n": 1.5, "ks": 3})


@pytest.mark.parametrize(
    "text",
    ["[", "{}", "[1]", '[{"type": "complex"}]', "[]", '[{"type":"double","name":"a"},{"type":"double"}]',
     '[{"type":"tensor"}]', "[" * 10_000],
)  # fmt: skip
def test_a_damaged_schema_is_corrupt(text: str) -> None:
    with pytest.raises(Corrupt):
        ModelSignature.from_dict({"inputs": text})


def test_inferring_from_plain_values_imports_neither_pandas_nor_numpy() -> None:
    code = (
        "import sys; from stageline.models.signature import infer_signature as i; i([{'a': 1.5}], ['x'], {'q': 1})\n"
        "sys.exit(bool({'pandas', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
