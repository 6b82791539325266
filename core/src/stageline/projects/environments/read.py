"""From a project's files to the environment that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stageline.projects.environments.spec import EnvironmentSpec, NoEnvironment


def read_environment(folder: Path, document: Mapping[str, object]) -> EnvironmentSpec:
    """What `document`, an MLproject file, asks for; without an answer, what lies in the project's folder.

    Raises:
        InvalidInput: more than one kind is named, or the file is not in its format.
        NotFound: a file that is named is not there.
    """
    del folder, document
    return NoEnvironment()
