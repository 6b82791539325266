"""Datasets as a run refers to them: a name, where they come from, and a digest of what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from stageline.domain.names import (
    MAX_DATASET_NAME_LENGTH,
    MAX_DATASET_PROFILE_LENGTH,
    MAX_DATASET_SCHEMA_LENGTH,
)
from stageline.domain.run import DatasetRef
from stageline.errors import InvalidInput
from stageline.storage.local_files import files_under
from stageline.storage.parallel import together
from stageline.storage.redaction import public_url
from stageline.storage.transfer import hash_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

DIGEST_LENGTH = 32
"""Hexadecimal digits: what clients of the field's protocol take is 36 characters at most."""
SAMPLED_CELLS = 1_000_000
"""Of a larger frame, evenly spaced rows are hashed: about as many cells as this, in some 20 ms."""
SAMPLED_BYTES = 64 << 20
"""Of a larger array, evenly spaced items along its first axis are."""

_COLUMN_TYPES = {
    "boolean": "boolean", "bool": "boolean",
    "int8": "integer", "int16": "integer", "int32": "integer", "uint8": "integer", "uint16": "integer",
    "uint32": "long", "int64": "long", "uint64": "long",
    "float16": "float", "float32": "float", "float64": "double",
    "str": "string", "string": "string", "category": "string",
}  # fmt: skip


def from_pandas(
    df: pd.DataFrame,
    source: str | Path | None = None,
    name: str | None = None,
    targets: str | Sequence[str] | None = None,
) -> DatasetRef:
    """A frame that a run reads. The digest covers names, types, shape and values, in a large frame of sampled rows.

    Args:
        df: The data; it is not stored.
        source: Path or URL that it came from; credentials in it are left out.
        name: What to call it; by default the source's path.
        targets: Columns that are to be predicted.

    Raises:
        InvalidInput: a target is no column.
    """
    columns = [str(column) for column in df.columns]
    wanted = [targets] if isinstance(targets, str) else [*(targets or ())]
    missing = [target for target in wanted if target not in columns]
    if missing:
        raise InvalidInput(f"the targets {missing} are no columns; there are {columns}")
    schema: dict[str, Any] = {
        "mlflow_colspec": [
            {
                "type": _column_type(df.iloc[:, at]),
                "name": column,
                "required": not df.iloc[:, at].hasnans,
            }
            for at, column in enumerate(columns)
        ]
    }
    if wanted:
        schema["targets"] = wanted
    profile = {"num_rows": len(df), "num_elements": int(df.size)}
    return _ref(source, name, _frame_digest(df), schema, profile)


def from_numpy(
    features: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]],
    source: str | Path | None = None,
    name: str | None = None,
    targets: np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> DatasetRef:
    """An array that a run reads, or several by name. The digest covers types, shapes and values, sampled if large."""
    parts = {"features": features, **({} if targets is None else {"targets": targets})}
    digest = hashlib.sha256()
    profile: dict[str, Any] = {}
    for part, given in parts.items():
        arrays = _arrays(given)
        for key, array in arrays.items():
            digest.update(f"{part}/{key}:{array.dtype}:{array.shape}\n".encode())
            digest.update(_array_bytes(array))
        is_several = isinstance(given, Mapping)
        for what in ("shape", "size", "nbytes"):
            each = {key: getattr(array, what) for key, array in arrays.items()}
            profile[f"{part}_{what}"] = each if is_several else each[""]
    schema = {
        "mlflow_tensorspec": {
            part: _json([_tensor_spec(key, array) for key, array in _arrays(given).items()])
            for part, given in parts.items()
        }
    }
    schema["mlflow_tensorspec"].setdefault("targets", None)  # type: ignore[arg-type]  # the field's spelling of none
    return _ref(source, name, digest.hexdigest(), schema, profile)


def from_path(path: str | Path, name: str | None = None) -> DatasetRef:
    """A file, or a folder with all that is in it. The digest covers the content of all; links out of it are refused.

    Raises:
        NotFound: there is no such file or folder.
        InvalidInput: it holds what is no file.
    """
    place = Path(path)
    if not place.is_dir():
        digest, size = hash_file(place)
        return _ref(place, name, digest, None, {"num_bytes": size})
    files = files_under(place)
    digests = dict(zip(files, together(hash_file, files.values()), strict=True))
    whole = hashlib.sha256(_json(digests).encode()).hexdigest()
    profile = {"num_files": len(files), "num_bytes": sum(size for _, size in digests.values())}
    return _ref(place, name, whole, None, profile)


def from_uri(uri: str, name: str | None = None, digest: str | None = None) -> DatasetRef:
    """Data at a URL, which is not read: `digest` should be what its place calls its version or ETag.

    Without one, the digest is only that of the URL, and does not change when the data does.
    """
    if uri.startswith("file://"):
        return from_path(unquote(urlsplit(uri).path), name)
    shown = public_url(uri)
    version = digest or hashlib.sha256(shown.encode()).hexdigest()
    return _ref(shown, name, version, None, None)


def _ref(
    source: str | Path | None,
    name: str | None,
    digest: str,
    schema: object | None,
    profile: object | None,
) -> DatasetRef:
    namespace, path, kind, told = _place(source)
    if len(digest) > DIGEST_LENGTH:
        is_hex = not digest.strip("0123456789abcdef")
        digest = (digest if is_hex else hashlib.sha256(digest.encode()).hexdigest())[:DIGEST_LENGTH]
    return DatasetRef(
        namespace="" if name else namespace,
        name=name or path[-MAX_DATASET_NAME_LENGTH:] or "dataset",
        digest=digest,
        source_type=kind,
        source=_json(told),
        schema=_fitting(schema, MAX_DATASET_SCHEMA_LENGTH),
        profile=_fitting(profile, MAX_DATASET_PROFILE_LENGTH),
    )


def _fitting(document: object | None, limit: int) -> str | None:
    """As JSON; None if it is longer than may be recorded, as that of a frame with very many columns."""
    text = None if document is None else _json(document)
    return text if text is None or len(text) <= limit else None


def _place(source: str | Path | None) -> tuple[str, str, str, dict[str, Any]]:
    """Namespace and name as OpenLineage spells them, and the field's type and description of the source."""
    if source is None:
        return "", "", "code", {"tags": {}}
    text = public_url(os.fspath(source))
    if "://" not in text:
        path = os.path.abspath(text)
        return "file", path.replace(os.sep, "/"), "local", {"uri": path}
    parts = urlsplit(text)
    kind = "http" if parts.scheme in ("http", "https") else parts.scheme
    described = {"url" if kind == "http" else "uri": text}
    return f"{parts.scheme}://{parts.netloc}", unquote(parts.path).strip("/"), kind, described


def _frame_digest(df: pd.DataFrame) -> str:
    from pandas.util import hash_pandas_object  # late: whoever has a frame has pandas

    rows = max(1, SAMPLED_CELLS // max(1, df.shape[1]))
    step = max(1, -(-len(df) // rows))
    sample = df.iloc[::step]
    try:
        hashes = hash_pandas_object(sample)
    except TypeError:  # lists and the like in a cell
        hashes = hash_pandas_object(sample.astype(str))
    about = [df.shape, [(str(name), str(kind)) for name, kind in df.dtypes.items()]]
    return hashlib.sha256(_json(about).encode() + hashes.to_numpy().tobytes()).hexdigest()


def _column_type(column: pd.Series[Any]) -> str:
    kind = str(column.dtype).lower()
    if kind == "object":
        kinds = {type(value) for value in column.head(100) if value is not None and value == value}
        return (
            {bytes: "binary", bool: "boolean"}.get(kinds.pop(), "string")
            if len(kinds) == 1
            else "string"
        )
    if kind.startswith("datetime64"):
        return "datetime"
    return _COLUMN_TYPES.get(kind.partition("[")[0], "string")


def _arrays(given: Any) -> dict[str, Any]:
    import numpy as np  # late: whoever has an array has it

    if isinstance(given, Mapping):
        return {str(key): np.asarray(value) for key, value in given.items()}
    return {"": np.asarray(given)}


def _array_bytes(array: Any) -> bytes:
    import numpy as np

    if array.nbytes > SAMPLED_BYTES and array.ndim:
        array = array[:: max(1, -(-array.nbytes // SAMPLED_BYTES))]
    if array.dtype.hasobject:
        return repr(array.tolist()).encode(errors="backslashreplace")
    return bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _tensor_spec(key: str, array: Any) -> dict[str, Any]:
    spec = {
        "type": "tensor",
        "tensor-spec": {"dtype": str(array.dtype), "shape": [-1, *array.shape[1:]]},
    }
    return {"name": key, **spec} if key else spec


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
