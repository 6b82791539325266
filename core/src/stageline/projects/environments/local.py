"""The environment that Stageline itself runs in."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_PYTHON


@dataclass(frozen=True)
class LocalEnvironment:
    """Nothing is built: `python` is the interpreter that runs Stageline."""

    @property
    def tags(self) -> dict[str, str]:
        """Its kind and Python."""
        return {TAG_ENVIRONMENT: "local", TAG_PYTHON: platform.python_version()}

    def command(
        self, argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """`argv` as it is."""
        del folder
        beside = str(Path(sys.executable).parent)
        path = os.environ.get("PATH", os.defpath)
        environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{path}"}
        return [*argv], {**environment, **variables}
