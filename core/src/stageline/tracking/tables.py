"""Tables as files of a run: JSON that grows by rows."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.document import readable
from stageline.errors import InvalidInput
from stageline.tracking.pictures import ending_of

if TYPE_CHECKING:
    from stageline.tracking.artifacts import RunArtifacts

TAG_LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"
"""A JSON list of the tables of a run."""

_locks: dict[int, threading.Lock] = {}


def log_table(files: RunArtifacts, data: Any, artifact_file: str) -> dict[str, str]:
    """Store a dict of columns, or a pandas DataFrame, as JSON (`{"columns": [...], "data": [rows]}`).

    Rows are appended to a table that is there already; a column that one of them lacks holds null there. Threads of
    one process may append to one table, processes should not.

    Returns:
        The tags that the run should have from now on; `table_tag` merges them with a tag that it has.

    Raises:
        InvalidInput: the columns differ in length, a value is none that JSON can hold, or the path is not `.json`,
            or is taken by another kind of file.
    """
    path = check_artifact_path(artifact_file)
    if ending_of(path) != "json":
        raise InvalidInput(f"a table is stored as JSON: {path!r} should end in '.json'")
    new = _columns(data)
    with _locks.setdefault(os.getpid(), threading.Lock()):
        files.log_bytes(_table_bytes(_appended(_stored_table(files, path), new)), path)
    return {TAG_LOGGED_ARTIFACTS: table_tag(path)}


def table_tag(path: str, current: str | None = None) -> str:
    """The value of `TAG_LOGGED_ARTIFACTS` that names the table at `path` besides what `current` names.

    >>> table_tag("b.json", table_tag("a.json"))
    '[{"path":"a.json","type":"table"},{"path":"b.json","type":"table"}]'
    """
    try:
        tables = msgspec.json.decode(current or "[]", type=list[dict[str, str]])
    except msgspec.MsgspecError:  # somebody else's tag by that name
        tables = []
    here = {"path": path, "type": "table"}
    return msgspec.json.encode(tables if here in tables else [*tables, here]).decode()


def _columns(data: Any) -> dict[str, list[Any]]:
    if hasattr(data, "columns") and hasattr(data, "iloc"):  # a DataFrame, without importing pandas
        names = [str(name) for name in data.columns]
        if len(set(names)) < len(names):
            raise InvalidInput(f"a table's columns need different names, but these are {names}")
        return {name: data.iloc[:, at].tolist() for at, name in enumerate(names)}
    if not isinstance(data, Mapping):
        raise InvalidInput(
            f"a table is a dict of columns or a pandas DataFrame, but this is a {type(data).__name__}"
        )
    given = {str(name): _as_list(values) for name, values in data.items()}
    lengths = {name: len(values) for name, values in given.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"the columns of a table need the same length, but these have {lengths}")
    rows = next(iter(lengths.values()), 1)
    return {
        name: [data_of] * rows if values is None else values
        for (name, values), data_of in zip(given.items(), data.values(), strict=True)
    }


def _as_list(values: Any) -> list[Any] | None:
    """None for a single value, which stands in every row."""
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        return None
    return values.tolist() if hasattr(values, "tolist") else list(values)


class _Table(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


def _stored_table(files: RunArtifacts, path: str) -> _Table:
    stored = files.find(path)
    if stored is None:
        return _Table([], [])
    try:
        return msgspec.json.decode(stored, type=readable(_Table))
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"{path!r} is there already and is no table ({error}): log the table under another name"
        ) from error


def _appended(table: _Table, new: dict[str, list[Any]]) -> _Table:
    columns = list(dict.fromkeys([*table.columns, *new]))
    added = len(columns) - len(table.columns)
    rows = [row + [None] * added for row in table.data]
    count = len(next(iter(new.values()), []))
    missing = [None] * count
    rows += (list(row) for row in zip(*(new.get(name, missing) for name in columns), strict=True))
    return _Table(columns, rows)


def _table_bytes(table: _Table) -> bytes:
    try:
        return msgspec.json.encode(table, enc_hook=_plain)
    except (TypeError, NotImplementedError) as error:
        raise InvalidInput(
            f"the table can not be written as JSON ({error}): turn such values into text or numbers first"
        ) from error


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):  # a pandas Timestamp, or NaT
        text = value.isoformat()
        return None if text == "NaT" else text
    if type(value).__name__ == "NAType":
        return None
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    raise TypeError(f"it holds a {type(value).__module__}.{type(value).__name__}")
