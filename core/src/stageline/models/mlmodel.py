"""The MLmodel file: what a model folder says of itself, in the field's own format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stageline.domain.document import readable
from stageline.errors import Corrupt
from stageline.models.safe_yaml import read_yaml, write_yaml
from stageline.models.signature import ModelSignature

MLMODEL = "MLmodel"
PYTHON_FUNCTION = "python_function"
DIGESTS = "stageline_digests"
"""Key in `metadata`: path in the folder -> SHA-256 of each file but the MLmodel file itself."""


class ExampleInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the example of the model's input is, and how to read it."""

    artifact_path: str
    type: str
    """dataframe, ndarray, json_object, or a sparse matrix."""
    pandas_orient: str | None = None
    serving_input_path: str | None = None
    params: str | None = None
    """`true` if the file holds params beside the inputs."""


class _Plain(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that are read as they stand."""

    flavors: dict[str, dict[str, Any]]
    artifact_path: str | None = None
    run_id: str | None = None
    model_uuid: str | None = None
    model_id: str | None = None
    model_size_bytes: int | None = None
    utc_time_created: str | None = None
    mlflow_version: str | None = None
    saved_input_example_info: ExampleInfo | None = None
    metadata: dict[str, Any] = {}


class MLmodel(_Plain, frozen=True, kw_only=True):
    """A model as its MLmodel file describes it."""

    signature: ModelSignature | None = None
    unknown: dict[str, Any] = {}
    """Fields that are not known here, kept as they were."""

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 by path of the files beside, as whoever saved the model recorded them; empty if nobody did."""
        found = self.metadata.get(DIGESTS)
        return (
            {str(path): str(sha256) for path, sha256 in found.items()}
            if isinstance(found, dict)
            else {}
        )

    def flavor(self, name: str) -> dict[str, Any] | None:
        """The configuration of a flavor; None if the model does not have it."""
        return self.flavors.get(name)


def parse_mlmodel(data: bytes, what: str = MLMODEL) -> MLmodel:
    """Read an MLmodel file.

    Raises:
        Corrupt: it is no YAML, not safe, or lacks what every model has.
    """
    raw = read_yaml(data, what)
    flavors = raw.get("flavors")
    if not isinstance(flavors, dict) or not flavors or not all(map(_is_flavor, flavors.items())):
        raise Corrupt(
            f"{what} names no flavors: expected `flavors:` with a mapping for each, such as `sklearn: {{...}}`"
        )
    known = {name: value for name, value in raw.items() if name in _PLAIN and value is not None}
    signature = raw.get("signature")
    if signature is not None and not isinstance(signature, dict):
        raise Corrupt(
            f"the signature in {what} should be a mapping, but is a {type(signature).__name__}"
        )
    try:
        found = msgspec.convert({**known, "flavors": flavors}, readable(_Plain), strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Corrupt(f"{what} can not be read: {error}") from error
    return MLmodel(
        **{name: getattr(found, name) for name in _PLAIN},
        signature=ModelSignature.from_dict(signature) if signature else None,
        unknown={name: value for name, value in raw.items() if name not in {*_PLAIN, "signature"}},
    )


def format_mlmodel(model: MLmodel) -> bytes:
    """The text of an MLmodel file."""
    known = {
        name: msgspec.to_builtins(value)
        for name in _PLAIN
        if (value := getattr(model, name)) not in (None, {})
    }
    if model.signature is not None:
        known["signature"] = model.signature.to_dict()
    return write_yaml({**model.unknown, **known}).encode()


def _is_flavor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Mapping)


_PLAIN = [field.name for field in msgspec.structs.fields(_Plain)]
