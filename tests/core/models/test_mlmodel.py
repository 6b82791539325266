"""The MLmodel file: those of the field are read, and nothing in one can do more than say something."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.errors import Corrupt
from stageline.models.mlmodel import MLmodel, format_mlmodel, parse_mlmodel
from stageline.models.safe_yaml import MAX_BYTES

FIXTURES = Path(__file__).parent / "fixtures"


def test_file_of_mlflow_3_is_read() -> None:
    model = parse_mlmodel((FIXTURES / "mlflow-3.17.2-sklearn" / "MLmodel").read_bytes())
    assert model.mlflow_version == "3.17.2"
    assert model.flavors["sklearn"]["serialization_format"] == "skops"
    assert model.signature is not None
    assert model.signature.params is not None
    assert model.unknown["type_hint_from_example"] is False


def test_file_of_mlflow_2_is_read() -> None:
    model = parse_mlmodel((FIXTURES / "mlflow-2-MLmodel").read_bytes())
    assert model.run_id == "8a2d1f6d5fbb4f2ea4bbd2aefb7c9d10"
    assert model.signature is not None
    assert (
        str(model.signature.inputs and model.signature.inputs[0]) == "'alcohol': double (required)"
    )


def test_fields_that_are_not_known_are_kept() -> None:
    text = b"flavors:\n  x:\n    y: 1\nfrom_the_future:\n- 1\n- deep: true\n"
    model = parse_mlmodel(text)
    again = parse_mlmodel(format_mlmodel(model))
    assert again == model
    assert again.unknown == {"from_the_future": [1, {"deep": True}]}


def test_an_anchor_used_twice_is_read_as_the_field_writes_it() -> None:
    model = parse_mlmodel(b"flavors:\n  a: &id001\n    types: [x]\n  b: *id001\n")
    assert model.flavors["b"] == {"types": ["x"]}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "flavors: !!python/object/apply:os.system ['touch pwned']",
        "flavors: {x: !!python/name:os.system {}}",
        BOMB + "flavors: {x: {y: *a11}}\n",
        "flavors: &f {x: *f}",
        "flavors: {x: " + "[" * 5000 + "]" * 5000 + "}",
        "- a list",
        "flavors: []",
        "flavors: {}",
        "run_id: abc",
        "flavors: {x: 1}",
        "flavors: {x: {}}\nsignature: text",
        "flavors: {x: {}}\nsignature: {inputs: [1]}",
        "flavors: {x: {}}\nmetadata: 3",
        "flavors: {x: {}}\nsaved_input_example_info: {type: dataframe}",
        "flavors: {x: {}\n",
        "flavors:\n\tx: 1",
        "\x00",
    ],
)
def test_unsafe_or_damaged_file_is_corrupt(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Corrupt):
        parse_mlmodel(text.encode())
    assert [*tmp_path.iterdir()] == []


def test_file_without_measure_is_not_read() -> None:
    with pytest.raises(Corrupt, match="at most"):
        parse_mlmodel(b"#" * (MAX_BYTES + 1))


def test_not_utf8_is_corrupt() -> None:
    with pytest.raises(Corrupt):
        parse_mlmodel(b"flavors: {x: {y: \xff\xfe}}")


def test_a_model_of_one_flavor_is_enough() -> None:
    assert parse_mlmodel(format_mlmodel(MLmodel(flavors={"x": {}}))).flavors == {"x": {}}
