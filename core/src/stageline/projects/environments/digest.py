"""A digest of what an environment is made from, known before it is built: the same for the same, on any machine."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import distributions

from typing_extensions import assert_never

from stageline.projects.environments.requirements import read_requirements
from stageline.projects.environments.spec import (
    CondaEnvironment,
    DockerEnvironment,
    EnvironmentSpec,
    NoEnvironment,
    PythonEnvironment,
)


def environment_digest(spec: EnvironmentSpec, kind: str | None) -> str:
    """The digest for an environment of that kind; None is what suits `spec`.

    Whoever runs in Stageline's own environment depends on all that is installed there. An image counts by its name:
    one that is named by its digest is sure to be the same.

    Raises:
        InvalidInput, NotFound: as `read_requirements`.
    """
    content: list[object] = [1, kind == "conda"]  # the other kinds install the same
    if kind == "local" or (kind is None and isinstance(spec, NoEnvironment)):
        return _digest(["local", platform.python_version(), *_installed()])
    if isinstance(spec, NoEnvironment):
        content += ["none", platform.python_version()]
    elif isinstance(spec, DockerEnvironment):
        content += ["docker", spec.image, spec.volumes, spec.given]
    elif isinstance(spec, (PythonEnvironment, CondaEnvironment)):
        asked = [*spec.build_dependencies, *spec.dependencies]
        content += ["python", spec.python or platform.python_version()]
        content += [read_requirements(asked, spec.file.parent).key]
        content += [spec.conda_only if isinstance(spec, CondaEnvironment) else ()]
    else:
        assert_never(spec)
    return _digest(content)


def _installed() -> list[str]:
    return sorted({f"{one.metadata['Name']} {one.version}" for one in distributions()})


def _digest(content: list[object]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
