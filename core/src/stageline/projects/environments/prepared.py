"""An environment that is ready: how a command runs in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

TAG_ENVIRONMENT = "mlflow.project.env"
TAG_PYTHON = "stageline.project.env.python"
TAG_KEY = "stageline.project.env.key"
TAG_IMAGE = "mlflow.docker.image.uri"
TAG_IMAGE_ID = "mlflow.docker.image.id"


class Prepared(Protocol):
    """An environment that is ready. Keep it until the command has ended: meanwhile nobody prunes it."""

    @property
    def tags(self) -> dict[str, str]:
        """What the run should record about it."""
        ...

    def command(
        self, argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """What to execute in `folder`, the project's, so that `argv` runs inside, and the whole environment for it.

        `variables` are added to those of this process. Values of theirs are in the environment alone, never in the
        command line, which every user of the machine can read.
        """
        ...
