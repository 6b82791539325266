"""What environment a project asks for: one of four frozen kinds. How they are read is in `read`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NoEnvironment:
    """The project names none."""


@dataclass(frozen=True)
class PythonEnvironment:
    """`python_env.yaml`: an interpreter and what pip installs."""

    file: Path
    python: str | None
    """As written, such as 3.11 or 3.11.7; None is that of Stageline."""
    build_dependencies: tuple[str, ...]
    dependencies: tuple[str, ...]


@dataclass(frozen=True)
class CondaEnvironment:
    """`conda.yaml`: an interpreter, what pip installs, and what only conda can."""

    file: Path
    python: str | None
    build_dependencies: tuple[str, ...]
    """pip, setuptools and wheel, as pip spells their versions."""
    dependencies: tuple[str, ...]
    """Its pip part."""
    conda_only: tuple[str, ...]


@dataclass(frozen=True)
class DockerEnvironment:
    """`docker_env`: an image, and what of this machine is seen inside."""

    image: str
    volumes: tuple[str, ...]
    copied: tuple[str, ...]
    """Variables that are taken over from this process."""
    given: tuple[tuple[str, str], ...]
    """Variables whose values stand in the project's own file."""


EnvironmentSpec = NoEnvironment | PythonEnvironment | CondaEnvironment | DockerEnvironment
