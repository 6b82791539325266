"""A model folder as its MLmodel file tells it: flavors, signature, requirements, and how to load it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import Corrupt, NotFound
from stageline.models.environment import REQUIREMENTS
from stageline.models.mlmodel import MLMODEL, MLmodel, parse_mlmodel
from stageline.models.safe_yaml import MAX_BYTES
from stageline.models.schema import Column, Tensor, ValueType
from stageline.ui.artifacts.reading import read_beginning
from stageline.ui.artifacts.text import decoded

if TYPE_CHECKING:
    from stageline.models.schema import Schema
    from stageline.workspace import Workspace

MOST_FIELDS = 500
MOST_REQUIREMENTS = 64 << 10
"""Bytes."""


class Field(NamedTuple):
    """A column, a tensor or a param of a signature."""

    name: str
    type: str
    note: str


class ModelCard(NamedTuple):
    """What is shown of a model."""

    folder: str
    flavors: list[tuple[str, str]]
    """Names, each with the version of its library."""
    inputs: list[Field]
    outputs: list[Field]
    params: list[Field]
    left_out: int
    """Fields that are not shown."""
    facts: list[tuple[str, str]]
    requirements: list[str]
    snippet: str
    problem: str = ""
    """Why the MLmodel file says nothing."""


def read_model_card(workspace: Workspace, run_id: str, folder: str) -> ModelCard:
    """The card of the model in a folder of a run's files. Raises `NotFound`, `InvalidInput`."""
    path = f"{folder}/{MLMODEL}".lstrip("/")
    beginning = read_beginning(workspace, run_id, path, MAX_BYTES + 1)
    requirements = _requirements(workspace, run_id, folder)
    snippet = _snippet(run_id, folder)
    try:
        model = parse_mlmodel(beginning.data, path)
    except Corrupt as error:
        return ModelCard(folder, [], [], [], [], 0, [], requirements, snippet, str(error))
    signature = model.signature
    inputs = _fields(signature.inputs if signature else None)
    outputs = _fields(signature.outputs if signature else None)
    params = [
        Field(one.name, str(one.type), f"default {one.default}")
        for one in (signature.params if signature else None) or ()
    ]
    parts = (inputs, outputs, params)
    return ModelCard(
        folder=folder,
        flavors=[(name, _library_version(model.flavors[name])) for name in model.flavors],
        inputs=inputs[:MOST_FIELDS],
        outputs=outputs[:MOST_FIELDS],
        params=params[:MOST_FIELDS],
        left_out=sum(max(len(part) - MOST_FIELDS, 0) for part in parts),
        facts=_facts(model),
        requirements=requirements,
        snippet=snippet,
    )


def _fields(schema: Schema | None) -> list[Field]:
    return [] if schema is None else [_field(at, schema[at]) for at in range(len(schema))]


def _field(place: int, one: Column | Tensor) -> Field:
    name = str(place if one.name is None else one.name)
    if isinstance(one, Tensor):
        shape = ", ".join("any" if size == -1 else str(size) for size in one.spec.shape)
        return Field(name, one.spec.dtype, f"tensor ({shape})")
    return Field(name, ValueType.__str__(one), "required" if one.required else "optional")


def _facts(model: MLmodel) -> list[tuple[str, str]]:
    size = model.model_size_bytes
    told = [
        ("Created", model.utc_time_created),
        ("Model UUID", model.model_uuid),
        ("Saved by MLflow's format", model.mlflow_version),
        ("Size", None if size is None else f"{size:,} bytes"),
    ]
    return [(name, value) for name, value in told if value]


def _library_version(flavor: dict[str, object]) -> str:
    return next(
        (str(value) for key, value in flavor.items() if key.endswith("_version") and key != "python_version"),
        "",
    )  # fmt: skip


def _requirements(workspace: Workspace, run_id: str, folder: str) -> list[str]:
    try:
        beginning = read_beginning(
            workspace, run_id, f"{folder}/{REQUIREMENTS}".lstrip("/"), MOST_REQUIREMENTS
        )
    except NotFound:
        return []
    return (decoded(beginning.data, is_cut=beginning.is_cut) or "").splitlines()


def _snippet(run_id: str, folder: str) -> str:
    uri = f"runs:/{run_id}/{folder}"
    return f"import stageline\n\nmodel = stageline.load_model({uri!r})\nmodel.predict(data)\n"
