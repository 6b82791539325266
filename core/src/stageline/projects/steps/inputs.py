"""What a step reads: which files, from where, with which digest; and brought to where it runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from stageline.domain.run import DatasetInput, DatasetRef
from stageline.errors import InvalidInput
from stageline.projects.steps.code import check_same
from stageline.projects.steps.facts import digest_of_digests
from stageline.projects.steps.step import Step, is_under, is_url
from stageline.storage.local_files import files_under
from stageline.storage.os_errors import local_failure
from stageline.storage.parallel import together
from stageline.storage.redaction import public_url
from stageline.storage.transfer import hash_file
from stageline.tracking.datasets import DIGEST_LENGTH, from_uri

if TYPE_CHECKING:
    from stageline.projects.steps.versions import Versions
    from stageline.tracking.artifacts import RunArtifacts


class StepResult(TypedDict):
    """What came of a step: plain JSON, so that it can pass between tasks of an orchestrator."""

    step: str
    run_id: str
    """Its run."""
    made_by: str
    """The run that has the outputs among its artifacts: its own, or the one that spared it."""
    outputs: dict[str, str]
    """File -> SHA-256."""


@dataclass(frozen=True)
class Input:
    """One input of a step."""

    name: str
    """As it may be shown."""
    digest: str
    own: Mapping[str, Path] = field(default_factory=dict)
    """Files of the project."""
    own_digests: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    """Files that other steps made -> the run that has them."""

    def record(self) -> DatasetInput:
        """What the run says about it: which data, made by which run."""
        makers = sorted(set(self.made.values()))
        source = f"runs:/{makers[0]}/{self.name}" if makers else self.name
        is_elsewhere = makers or is_url(self.name)
        name = None if is_url(self.name) else self.name
        if is_elsewhere:
            return DatasetInput(from_uri(source, name=name, digest=self.digest))
        ref = DatasetRef(
            name=self.name,
            digest=self.digest[:DIGEST_LENGTH],
            source_type="local",
            source=self.name,
        )
        return DatasetInput(ref)


def inputs_of(
    step: Step,
    steps: Sequence[Step],
    folder: Path,
    upstream: Mapping[str, StepResult],
    versions: Versions,
) -> list[Input]:
    """What `step` reads.

    Args:
        step: The step.
        steps: All of the project's.
        folder: The project's.
        upstream: What came of the steps that it needs, by their names.
        versions: Tells what lies at URLs.

    Raises:
        InvalidInput: the result of a step that it needs is missing, or an input is neither there nor made.
        NotFound: there is nothing at a URL.
    """
    missing = [name for name in step.needs if name not in upstream]
    if missing:
        raise InvalidInput(
            f"the step {step.name!r} needs what came of {', '.join(missing)}: run that first, and hand its result over"
        )
    made_somewhere = [path for one in steps for path in one.outputs]
    return [
        Input(public_url(name), versions.digest(name))
        if is_url(name)
        else _in_project(name, step, folder, upstream, made_somewhere)
        for name in step.inputs
    ]


def bring(inputs: Sequence[Input], folder: Path, artifacts: Callable[[str], RunArtifacts]) -> None:
    """Put what lies in the project or was made by steps into `folder`.

    Raises:
        Conflict: a file of the project is not what was digested.
        Corrupt: a file that was made is not what was kept.
    """
    for one in inputs:
        for name, source in one.own.items():
            target = folder / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            except OSError as error:
                raise local_failure("copy", str(target), error) from error
        copies = together(hash_file, [folder / name for name in one.own])
        check_same(
            {name: copy[0] for name, copy in zip(one.own, copies, strict=True)}, one.own_digests
        )
        together(
            lambda item: artifacts(item[1]).download(item[0], folder),
            [item for item in one.made.items() if not (folder / item[0]).exists()],
        )


def _in_project(
    name: str,
    step: Step,
    folder: Path,
    upstream: Mapping[str, StepResult],
    made_somewhere: Sequence[str],
) -> Input:
    made: dict[str, str] = {}
    digests: dict[str, str] = {}
    for needed in step.needs:
        result = upstream[needed]
        for path, digest in result["outputs"].items():
            if is_under(path, name):
                made[path], digests[path] = result["made_by"], digest
    place = folder / name
    own = {}
    if place.resolve().is_relative_to(folder.resolve()):
        if place.is_file():
            own = {name: place}
        elif place.is_dir():
            own = {f"{name}/{path}": file for path, file in files_under(place).items()}
    # What a run in the project's own folder once left there is not what the step makes.
    own = {
        path: file
        for path, file in own.items()
        if not any(is_under(path, one) for one in made_somewhere)
    }
    if not own and not made:
        raise InvalidInput(
            f"the step {step.name!r} reads {name!r}, but there is no such file in the project, and no step makes it: "
            "check the name, or list it among the outputs of a step"
        )
    hashed = together(hash_file, own.values())
    own_digests = {path: one[0] for path, one in zip(own, hashed, strict=True)}
    return Input(name, digest_of_digests({**digests, **own_digests}), own, own_digests, made)
