"""Requests to a scoring server: sent to MLflow's by tests/flavors/record_scoring.py, and to ours by the tests."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from scored import ANSWERS

JSON, CSV = "application/json", "text/csv"

COLUMNS = [
    {"type": "boolean", "name": "flag"},
    {"type": "integer", "name": "small"},
    {"type": "long", "name": "whole"},
    {"type": "float", "name": "single"},
    {"type": "double", "name": "number"},
    {"type": "string", "name": "word"},
    {"type": "binary", "name": "raw"},
    {"type": "datetime", "name": "day"},
]
PLAIN = [
    {"type": "double", "name": "a"},
    {"type": "long", "name": "b"},
    {"type": "string", "name": "c", "required": False},
]
NESTED = [
    {"type": "array", "items": {"type": "double"}, "name": "v"},
    {
        "type": "object",
        "name": "o",
        "properties": {
            "k": {"type": "string", "required": True},
            "n": {"type": "long", "required": False},
        },
    },
    {"type": "map", "values": {"type": "long"}, "name": "m"},
]


def _explicit(one: dict[str, Any]) -> dict[str, Any]:
    """MLflow takes a column that does not say so for optional."""
    return one if one["type"] == "tensor" else {"required": True, **one}


_SIGNATURES: dict[str, dict[str, Any]] = {
    "none": {},
    "columns": {"inputs": COLUMNS},
    "plain": {"inputs": PLAIN},
    "unnamed": {"inputs": [{"type": "double"}, {"type": "long"}]},
    "one": {"inputs": [{"type": "double", "name": "x"}]},
    "texts": {"inputs": [{"type": "string", "name": "text"}]},
    "nested": {"inputs": NESTED},
    "tensor": {
        "inputs": [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]
    },
    "tensors": {
        "inputs": [
            {"type": "tensor", "name": "p", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}},
            {"type": "tensor", "name": "q", "tensor-spec": {"dtype": "int64", "shape": [-1]}},
        ]
    },
    "params": {
        "inputs": [{"type": "double", "name": "x"}],
        "params": [
            {"name": "top", "type": "long", "default": 3, "shape": None},
            {"name": "rate", "type": "double", "default": 0.5, "shape": None},
            {"name": "names", "type": "string", "default": ["a"], "shape": [-1]},
        ],
    },
}
SIGNATURES = {
    name: {
        **parts,
        **({"inputs": [_explicit(one) for one in parts["inputs"]]} if "inputs" in parts else {}),
    }
    for name, parts in _SIGNATURES.items()
}
MODELS = {
    **{f"kinds-{name}": ("kinds", name) for name in SIGNATURES},
    "answers": ("answers", "none"),
    "fails": ("fails", "none"),
    "params": ("params", "params"),
    "params-unknown": ("kinds", "one"),
}
"""Name -> what it does (scored.BEHAVIOURS) and which signature it has."""


class Case(NamedTuple):
    """One request."""

    name: str
    model: str
    body: bytes
    content_type: str | None = JSON


def _json(name: str, model: str, content_type: str = JSON, **body: Any) -> Case:
    return Case(name, model, json.dumps(body).encode(), content_type)


RAW = base64.b64encode(b"\x00bytes").decode()
ROW = {"flag": True, "small": 1, "whole": 2, "single": 0.5, "number": 1.25, "word": "w", "raw": RAW,
       "day": "2026-01-02T03:04:05"}  # fmt: skip
SPLIT = {"columns": [*ROW], "data": [[*ROW.values()]]}
AB = {"columns": ["a", "b"], "data": [[1.5, 2], [2.5, 3]]}
FORMS: dict[str, dict[str, Any]] = {
    "split": {"dataframe_split": AB},
    "split with an index": {"dataframe_split": {**AB, "index": ["r", "s"]}},
    "split without names": {"dataframe_split": {"data": [[1.5, 2], [2.5, 3]]}},
    "split without rows": {"dataframe_split": {"columns": ["a", "b"], "data": []}},
    "split of ints": {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}},
    "split with null": {"dataframe_split": {"columns": ["a", "b"], "data": [[None, 2], [1.5, 3]]}},
    "split with null in a whole number": {
        "dataframe_split": {"columns": ["a", "b"], "data": [[1.5, None]]}
    },
    "split with a text for a number": {
        "dataframe_split": {"columns": ["a", "b"], "data": [["1.5", "2"]]}
    },
    "split with a word for a number": {
        "dataframe_split": {"columns": ["a", "b"], "data": [["many", 2]]}
    },
    "split with a fraction for a whole": {
        "dataframe_split": {"columns": ["a", "b"], "data": [[1.5, 2.7]]}
    },
    "split with a column too many": {
        "dataframe_split": {"columns": ["a", "z", "b"], "data": [[1.5, 9, 2]]}
    },
    "split in another order": {"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1.5]]}},
    "split with a name twice": {"dataframe_split": {"columns": ["a", "a"], "data": [[1.5, 2]]}},
    "split, ragged": {"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, 2], [3]]}},
    "split, too narrow": {"dataframe_split": {"columns": ["a"], "data": [[1.5]]}},
    "split with lists": {"dataframe_split": {"columns": ["a", "b"], "data": [[[1, 2], 3]]}},
    "split as a list": {"dataframe_split": [[1.5, 2]]},
    "split as a number": {"dataframe_split": 5},
    "split without data": {"dataframe_split": {"columns": ["a"]}},
    "split with a stranger": {"dataframe_split": {**AB, "dtypes": []}},
    "records": {"dataframe_records": [{"a": 1.5, "b": 2}, {"a": 2.5, "b": 3}]},
    "records with gaps": {"dataframe_records": [{"a": 1.5, "b": 2}, {"b": 3}]},
    "records with a text": {"dataframe_records": [{"a": 1.5, "b": 2, "c": "x"}, {"a": 1, "b": 2, "c": None}]},
    "records, empty": {"dataframe_records": []},
    "records of one": {"dataframe_records": {"a": 1.5, "b": 2}},
    "records as a text": {"dataframe_records": "abc"},
    "records of numbers": {"dataframe_records": [1, 2]},
    "inputs by name": {"inputs": {"a": [1.5, 2.5], "b": [2, 3]}},
    "inputs of one row": {"inputs": {"a": 1.5, "b": 2}},
    "inputs of rows": {"inputs": [{"a": 1.5, "b": 2}, {"a": 2.5, "b": 3}]},
    "inputs as lists": {"inputs": [[1.5, 2], [2.5, 3]]},
    "inputs flat": {"inputs": [1.5, 2.5]},
    "inputs, ragged": {"inputs": [[1.5, 2], [3]]},
    "inputs of a number": {"inputs": 1.5},
    "inputs of a text": {"inputs": "abc"},
    "inputs of texts": {"inputs": ["abc", "de"]},
    "inputs of null": {"inputs": None},
    "inputs, empty": {"inputs": []},
    "inputs lacking one": {"inputs": {"a": [1.5]}},
    "inputs, uneven": {"inputs": {"a": [1.5, 2.5], "b": [2]}},
    "instances of rows": {"instances": [{"a": 1.5, "b": 2}, {"a": 2.5, "b": 3}]},
    "instances as lists": {"instances": [[1.5, 2], [2.5, 3]]},
    "instances flat": {"instances": [1.5, 2.5]},
    "instances, empty": {"instances": []},
    "instances, uneven": {"instances": [{"a": 1.5, "b": 2}, {"a": 2.5}]},
    "instances of a text": {"instances": "abc"},
    "tensors by name": {"inputs": {"p": [[1, 2], [3, 4]], "q": [5, 6]}},
    "tensors by row": {"instances": [{"p": [1, 2], "q": 5}, {"p": [3, 4], "q": 6}]},
    "tensors in a frame": {"dataframe_split": {"columns": ["p", "q"], "data": [[[1, 2], 5], [[3, 4], 6]]}},
    "tensors lacking one": {"inputs": {"p": [[1, 2]]}},
    "one by name": {"inputs": {"x": [1, 2]}},
    "one in a frame": {"dataframe_split": {"columns": ["x"], "data": [[1], [2]]}},
    "texts by name": {"inputs": {"text": ["one", "two"]}},
    "nested in records": {"dataframe_records": [{"v": [1, 2.5], "o": {"k": "t", "n": 1}, "m": {"z": 1}}]},
    "nested in inputs": {"inputs": [{"v": [1.5], "o": {"k": "t"}, "m": {}}]},
    "nested in instances": {"instances": [{"v": [1.5, 2], "o": {"k": "t", "n": 1}, "m": {"z": 1}}]},
    "nested with whole numbers in part": {"dataframe_records": [{"v": [2, 3.5], "o": {"k": "t"}, "m": {"z": 1}}]},
    "nested with whole numbers": {"dataframe_records": [{"v": [2, 3], "o": {"k": "t"}, "m": {"z": 1}}]},
    "nested with null": {"dataframe_records": [{"v": [None, 3.5], "o": {"k": "t", "n": None}, "m": {"z": 1}}]},
    "nested with nothing": {"dataframe_records": [{"v": [], "o": {"k": "t"}, "m": {}}]},
    "nested too deep": {"dataframe_records": [{"v": [[1.5]], "o": {"k": "t"}, "m": {"z": 1}}]},
    "nested with texts": {"dataframe_records": [{"v": ["a"], "o": {"k": "t"}, "m": {"z": 1}}]},
    "nested, wrong": {"dataframe_records": [{"v": "text", "o": {"k": "t"}, "m": {"z": 1}}]},
    "nested, lacking a property": {"dataframe_records": [{"v": [1], "o": {}, "m": {"z": 1}}]},
    "two formats": {"inputs": [1], "instances": [1]},
    "no format": {"columns": ["a"], "data": [[1]]},
    "nothing": {},
}  # fmt: skip

CASES = [
    *(_json(f"{name} / {signature}", f"kinds-{signature}", **body)
      for name, body in FORMS.items()
      for signature in ("none", "plain", "unnamed", "one", "texts", "nested", "tensor", "tensors")),
    *(_json(f"every type, {name}", "kinds-columns", **body) for name, body in {
        "split": {"dataframe_split": SPLIT},
        "records": {"dataframe_records": [ROW, ROW]},
        "inputs": {"inputs": {**{key: [one] for key, one in ROW.items()}}},
        "one input": {"inputs": ROW},
        "instances": {"instances": [ROW]},
        "numbers as flags": {"dataframe_records": [{**ROW, "flag": 1}]},
        "a flag as a number": {"dataframe_records": [{**ROW, "number": True}]},
        "a number too large": {"dataframe_records": [{**ROW, "small": 2**40}]},
        "a whole number too large": {"dataframe_records": [{**ROW, "whole": 2**70}]},
        "bytes that are none": {"dataframe_records": [{**ROW, "raw": 5}]},
        "a day that is none": {"dataframe_records": [{**ROW, "day": "tomorrow"}]},
        "a day of a zone": {"dataframe_records": [{**ROW, "day": "2026-01-02T03:04:05Z"}]},
        "a day as a number": {"dataframe_records": [{**ROW, "day": 5}]},
        "a number for a word": {"dataframe_records": [{**ROW, "word": 5}]},
        "null for a word": {"dataframe_records": [{**ROW, "word": None}]},
        "null for a day": {"dataframe_records": [ROW, {**ROW, "day": None}]},
        "null for bytes": {"dataframe_records": [{**ROW, "raw": None}]},
        "null for a flag": {"dataframe_records": [{**ROW, "flag": None}]},
        "null for a number": {"dataframe_records": [{**ROW, "number": None}]},
    }.items()),
    *(_json(f"answer {name}", "answers", inputs=[name]) for name in ANSWERS),
    _json("a model that fails", "fails", inputs=[1]),
    *(_json(f"params {name}", "params", inputs={"x": [1]}, **body) for name, body in {
        "left out": {},
        "given": {"params": {"top": 5, "rate": 0.25, "names": ["b", "c"]}},
        "in part": {"params": {"top": 5}},
        "none": {"params": None},
        "widened": {"params": {"rate": 2}},
        "unknown": {"params": {"other": 1}},
        "of a wrong type": {"params": {"top": "many"}},
        "of a wrong shape": {"params": {"names": "b"}},
        "as a list": {"params": [1]},
        "as a text": {"params": "top"},
    }.items()),
    _json("params that the model does not know", "params-unknown", inputs={"x": [1]}, params={"top": 1}),
    _json("unwrapped, messages", "kinds-none", messages=[{"role": "user", "content": "hi"}], top=5),
    _json("unwrapped, with params", "params", prompt="hi", top=5),
    *(Case(f"json {name}", "kinds-none", body) for name, body in {
        "empty": b"", "cut short": b'{"inputs": [1', "a list": b"[1]", "a number": b"5", "null": b"null",
        "text": b'"abc"', "twice encoded": b'"{\\"inputs\\": [1]}"', "with NaN": b'{"inputs": [NaN, Infinity]}',
        "with a number beyond": b'{"inputs": [1e999]}', "with a byte order mark": b'\xef\xbb\xbf{"inputs": [1]}',
        "not utf-8": b'{"inputs": ["\xff"]}', "utf-16": '{"inputs": [1]}'.encode("utf-16"),
        "with a key twice": b'{"inputs": [1], "inputs": [2]}', "with a lone surrogate": b'{"inputs": ["\\ud800"]}',
        "with trailing text": b'{"inputs": [1]} x', "in single quotes": b"{'inputs': [1]}",
        "with big numbers": b'{"inputs": [123456789012345678901234567890]}',
    }.items()),
    *(Case(f"type {kind}", "kinds-none", b'{"inputs": [1]}', kind) for kind in (
        "application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json; charset=latin-1",
        "application/json; format=pandas-split", "application/json ;charset=utf-8", "APPLICATION/JSON", "text/plain",
        "application/x-www-form-urlencoded", "application/json;", "application/json; charset",
        'application/json; charset="utf-8"', "application/xml; charset=latin-1", "",
    )),
    *(Case(f"csv {name} / {signature}", f"kinds-{signature}", body, CSV)
      for name, body in {
          "plain": b"a,b\n1.5,2\n2.5,3\n", "of texts": b"a,b,c\n1,2,x\n3,4,\n", "empty": b"", "header only": b"a,b\n",
          "quoted": b'a,b,c\n1,2,"x, ""y""\nz"\n', "ragged": b"a,b\n1,2,3,4\n1\n", "not utf-8": b"a,b\n\xff,1\n",
          "words": b"a,b\nmany,2\n", "with gaps": b"a,b\n,2\n1.5,\n",
          "with a byte order mark": b"\xef\xbb\xbfa,b\n1,2\n",
          "windows": b"a,b\r\n1.5,2\r\n",
      }.items()
      for signature in ("none", "plain", "unnamed", "tensor")),
    Case("csv with a charset", "kinds-none", b"a\n1\n", "text/csv; charset=utf-8"),
    Case("csv in latin-1", "kinds-none", b"a\n1\n", "text/csv; charset=iso-8859-1"),
    Case("csv of every type", "kinds-columns",
         b"flag,small,whole,single,number,word\nTrue,1,2,0.5,1.25,w\n", CSV),
]  # fmt: skip
