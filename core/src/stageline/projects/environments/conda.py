"""Conda environments, by conda, mamba or micromamba, whichever is installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import NotFound
from stageline.projects.built import Built, built_once
from stageline.projects.environments.building import run_builder
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_KEY, TAG_PYTHON
from stageline.projects.environments.requirements import read_requirements
from stageline.projects.environments.shelf import ENVIRONMENTS

if TYPE_CHECKING:
    from stageline.projects.environments.spec import CondaEnvironment

_TOOLS = ("mamba", "micromamba", "conda")
_FORMAT = 1
# What activation does besides setting variables: the packages' own scripts, then the command itself.
_ACTIVATE = (
    'for f in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do [ -r "$f" ] && . "$f"; done; exec "$@"'
)


@dataclass(frozen=True)
class CondaPrefix:
    """A conda environment that is ready."""

    built: Built

    @property
    def tags(self) -> dict[str, str]:
        """Its kind, its Python as it was asked for, and the digest of what it was made from."""
        facts = self.built.facts
        python = {TAG_PYTHON: facts["python"]} if facts["python"] else {}
        return {TAG_ENVIRONMENT: "conda", TAG_KEY: self.built.folder.parent.name, **python}

    def command(
        self, argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """`argv` behind the packages' activation scripts, without conda itself, which mangles some arguments."""
        del folder
        place = self.built.folder
        foreign = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in foreign}
        path = environment.get("PATH", os.defpath)
        environment |= {
            "CONDA_PREFIX": str(place),
            "CONDA_DEFAULT_ENV": str(place),
            "PATH": f"{place / 'bin'}{os.pathsep}{path}",
        }
        return ["bash", "-c", _ACTIVATE, "bash", *argv], {**environment, **variables}


def prepare_conda(
    spec: CondaEnvironment, *, cache: Path, say: Callable[[str], None]
) -> CondaPrefix:
    """The environment of a conda.yaml, built if nobody has. Raises `NotFound`, `StorageFailed`."""
    tool = find_conda()
    if tool is None:
        raise NotFound(
            f"{spec.file} asks for conda, and none of {', '.join(_TOOLS)} is installed: install one, or run with "
            "`--env-manager uv`, which installs the pip part" + _without(spec)
        )
    parts = [read_requirements(spec.dependencies, spec.file.parent).key, sysconfig.get_platform()]
    content = [_FORMAT, "conda", Path(tool).name, spec.file.read_text(encoding="utf-8"), parts]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def build(place: Path, lock: int) -> Mapping[str, str]:
        name = Path(tool).name
        say(f"building a conda environment by {name}")
        command = [tool, "env", "create", "--yes", "--prefix", str(place), "--file", str(spec.file)]
        if name == "conda":  # older ones ask nothing, and know no --yes here
            command.remove("--yes")
        run_builder(
            command, what="the environment", folder=spec.file.parent, environment=os.environ,
            lock=lock, say=say,
        )  # fmt: skip
        return {"kind": "conda", "python": spec.python or ""}

    built = built_once(
        cache / ENVIRONMENTS, key, build, what=f"the environment {key[:12]}", say=say
    )
    return CondaPrefix(built)


def find_conda() -> str | None:
    """The program that makes conda environments here; MAMBA_EXE and CONDA_EXE name it where it is a shell function."""
    named = [os.environ.get(name) for name in ("MAMBA_EXE", "CONDA_EXE")]
    found = [*map(shutil.which, _TOOLS), *(one for one in named if one and os.access(one, os.X_OK))]
    return next((one for one in found if one), None)


def _without(spec: CondaEnvironment) -> str:
    return f" and leaves out {', '.join(spec.conda_only)}" if spec.conda_only else ""
