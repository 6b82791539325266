"""A version with all that is compared of it: its facts, its run, its signature."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.model_input import loaded_model
from stageline.errors import Corrupt, InvalidInput, NotAllowed, NotFound
from stageline.models.schema import Column, Tensor, is_tensors
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.model import ModelVersion
    from stageline.domain.run import Run
    from stageline.models.schema import Schema
    from stageline.models.signature import ModelSignature
    from stageline.workspace import Workspace


class Side(NamedTuple):
    """One of the versions that are compared."""

    version: ModelVersion
    run: Run | None
    """None if it has none, or it is gone."""
    metrics: dict[str, float]
    signature: ModelSignature | None
    problem: str = ""
    """Why there is no signature to show, if there should be one."""

    @property
    def params(self) -> dict[str, str]:
        """Of its run."""
        return self.run.data.params if self.run else {}

    @property
    def datasets(self) -> dict[str, str]:
        """Name -> digest of the data that its run read."""
        if self.run is None:
            return {}
        given = [one for one in self.run.inputs.dataset_inputs if loaded_model(one) is None]
        return {one.dataset.name: one.dataset.digest for one in given}

    @property
    def columns(self) -> dict[str, str]:
        """What it takes and gives, a line for each column: `input alcohol` -> `double (required)`."""
        found = self.signature
        if found is None:
            return {}
        lines = {**_lines("input", found.inputs), **_lines("output", found.outputs)}
        for param in found.params or ():
            lines[f"param {param.name}"] = _without_name(str(param), param.name)
        return lines


def read_sides(workspace: Workspace, versions: Sequence[ModelVersion]) -> list[Side]:
    """Each version's run, facts and signature; what is gone is left out, and a file that can not be read says so."""
    return together(lambda one: _read(workspace, one), versions)


def _read(workspace: Workspace, version: ModelVersion) -> Side:
    run: Run | None = None
    if version.run_id is not None:
        with suppress(NotFound):  # collected: the facts of the registry are what is left
            run = workspace.runs.get(version.run_id)
    metrics = dict(run.data.metrics) if run else dict(version.facts.metrics)
    signature, problem = _signature(workspace, version)
    return Side(version, run, metrics, signature, problem)


def _signature(workspace: Workspace, version: ModelVersion) -> tuple[ModelSignature | None, str]:
    # What lies at a stranger's address is not asked for by a page.
    if version.run_id is None or version.artifact_path is None:
        return None, ""
    try:
        found = workspace.models.describe(f"runs:/{version.run_id}/{version.artifact_path}")
    except NotFound:
        return None, "its MLmodel file is not there"
    except (Corrupt, InvalidInput, NotAllowed) as error:
        return None, str(error)
    return found.signature, ""


def _lines(role: str, schema: Schema | None) -> dict[str, str]:
    if not schema:
        return {}
    what = "tensor" if is_tensors(schema) else "column"
    lines: dict[str, str] = {}
    for place, one in enumerate(schema, start=1):
        assert isinstance(one, (Column, Tensor))  # mypy joins them to their ancestor
        name = f"{what} {place}" if one.name is None else one.name
        lines[f"{role} {name}"] = _without_name(str(one), one.name)
    return lines


def _without_name(text: str, name: str | int | None) -> str:
    return text if name is None else text.removeprefix(f"{name!r}: ")
