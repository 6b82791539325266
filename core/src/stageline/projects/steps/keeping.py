"""The command of a step, and after it what it made: kept among the run's artifacts before the run ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.projects.launching import Exit

if TYPE_CHECKING:
    from stageline.projects.launching import Launched
    from stageline.projects.steps.step import Step
    from stageline.tracking.artifacts import RunArtifacts


class KeepOutputs:
    """A launched command whose run finishes only with all outputs of its step."""

    def __init__(
        self, launched: Launched, step: Step, folder: Path, artifacts: RunArtifacts
    ) -> None:
        self._launched = launched
        self._step = step
        self._folder = folder
        self._artifacts = artifacts

    def run(self) -> Exit:
        """Run the command, and keep what it made."""
        exit_ = self._launched.run()
        if exit_.code != 0 or exit_.signal is not None:
            return exit_
        missing = [path for path in self._step.outputs if not _is_made(self._folder / path)]
        if missing:
            return Exit(None, detail=f"it did not make {', '.join(missing)}")
        for path in self._step.outputs:
            self._artifacts.log_file(self._folder / path, path.rpartition("/")[0] or None)
        return exit_

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """As the command's."""
        self._launched.stop(number)


def _is_made(path: Path) -> bool:
    """A folder without files is nothing that a store could keep."""
    return path.is_file() or any(one.is_file() for one in path.rglob("*"))
