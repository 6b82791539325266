"""Whether an exported graph of torch can do anything but compute: looked at as a ZIP of JSON, without loading it.

`torch.export.load` unpickles some records, evaluates the expressions of shapes as Python, and calls whatever functions
the graph names, anywhere below `torch`. So each record is held to what torch itself writes for plain modules.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from stageline.errors import Corrupt

_TARGET = re.compile(r"torch\.ops\.(aten|prims)\.(?!from_file)\w+(\.\w+)?")
_OPERATORS = {
    f"_operator.{name}"
    for name in (
        "getitem", "add", "sub", "mul", "floordiv", "truediv", "mod", "neg", "pow", "eq", "ne", "lt", "le", "gt", "ge",
    )
}  # fmt: skip
_TOKEN = re.compile(r"\s+|'[su]\d+'|[su]\d+|\d+(?:\.\d+)?|[-+*/(),=<>]|\*\*|\w+")
_NAMES = {
    "Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Mod", "Max", "Min", "FloorDiv", "CleanDiv",
    "PythonMod", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "floor", "ceiling", "positive", "integer", "nonnegative",
    "True", "False",
}  # fmt: skip
_TREE_TYPES = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
_TEXTS = {"version", "archive_format", "archive_version", "byteorder", "serialization_id"}
_TEXT = re.compile(rb"[A-Za-z0-9._-]{1,64}\n?")
_CONFIG = re.compile(r".*data/(weights|constants)/[^/]+_config\.json")
_MODEL = re.compile(r".*models/[^/]+\.json")


def why_unsafe(path: Path) -> str | None:
    """What is in the archive besides tensors and operations on them; None if nothing. Raises `Corrupt`."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names):
                return "a record is there twice"
            raw = {
                name
                for config in filter(_CONFIG.fullmatch, names)
                for name in _raw_records(archive, config)
            }
            for name in names:
                reason = None if name in raw else _fault(name, archive.read(name))
                if reason is not None:
                    return reason
    except (zipfile.BadZipFile, OSError, ValueError, RecursionError) as error:
        raise Corrupt(
            f"the model {path} is no exported graph, or it was cut short: {error}"
        ) from error
    return None


def _raw_records(archive: zipfile.ZipFile, config: str) -> Iterator[str]:
    """Records that are read as the bytes of a tensor."""
    entries = json.loads(archive.read(config))["config"].values()
    pickled = {one["path_name"] for one in entries if one.get("use_pickle") is not False}
    for one in entries:
        if one["path_name"] not in pickled and one["path_name"].startswith(("weight_", "tensor_")):
            yield f"{config.rpartition('/')[0]}/{one['path_name']}"


def _fault(name: str, content: bytes) -> str | None:
    if name.rpartition("/")[2] in _TEXTS and _TEXT.fullmatch(content):
        return None
    if "/data/aotinductor/" in name or "/extra/" in name:
        return f"the record {name}"
    if _CONFIG.fullmatch(name):
        json.loads(content)
        return None
    if _MODEL.fullmatch(name):
        return next(_graph_faults(json.loads(content)), None)
    return None if _is_checkpoint(content) else f"the record {name}"


def _is_checkpoint(content: bytes) -> bool:
    """Whether torch reads it with the unpickler that knows only tensors, and nobody else has taught that one more."""
    taught = [
        one[0] if isinstance(one, tuple) else one for one in torch.serialization.get_safe_globals()
    ]
    if any(not one.__module__.startswith("torch.") for one in taught):
        return False
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # of any kind: what can not be read so is not so
        return False
    return True


def _graph_faults(value: Any, key: str = "") -> Iterator[str]:
    """Calls, expressions, guards and tree types that a graph of tensor operations does not have, at any depth."""
    if isinstance(value, list):
        if key == "guards_code":
            for guard in value:
                yield f"the guard {guard!r}"
        for one in value:
            yield from _graph_faults(one, key)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == "metadata" and key == "nodes":
                continue  # notes for people: stack traces and module names
            yield from _graph_faults(one, name)
    elif isinstance(value, str):
        yield from _text_faults(value, key)


def _text_faults(text: str, key: str) -> Iterator[str]:
    if key == "target" and not (_TARGET.fullmatch(text) or text in _OPERATORS):
        yield f"a call of {text!r}"
    if key == "expr_str" and not _is_expression(text):
        yield f"the expression {text!r}"
    if key in ("in_spec", "out_spec"):
        yield from (
            f"the type {kind!r}"
            for kind in _tree_types(json.loads(text))
            if kind not in _TREE_TYPES
        )


def _is_expression(text: str) -> bool:
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        return False
    words = (token for token in tokens if re.fullmatch(r"[A-Za-z_]\w*", token))
    return all(word in _NAMES or re.fullmatch(r"[su]\d+", word) for word in words)


def _tree_types(spec: Any) -> Iterator[Any]:
    if isinstance(spec, dict):
        yield spec.get("type")
        yield from _tree_types(spec.get("children_spec", []))
    elif isinstance(spec, list):
        for one in spec:
            yield from _tree_types(one)
