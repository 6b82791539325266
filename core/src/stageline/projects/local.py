"""The launcher `local`: the command runs on this machine, in the project's folder and environment."""

from __future__ import annotations

import logging
import shlex
import signal
import threading
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, StagelineError
from stageline.projects.environments.prepare import prepare
from stageline.projects.launching import Exit
from stageline.projects.output import ARTIFACT_FOLDER, FILE_NAME, Output
from stageline.projects.process import Group

if TYPE_CHECKING:
    from stageline.projects.environments.prepared import Prepared
    from stageline.projects.launching import Job

_FROM_OUTSIDE = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
_SHELLS_SIGNALS = {128 + number: number for number in _FROM_OUTSIDE}
"""What a shell answers for a command of its that a signal ended from outside."""

_log = logging.getLogger("stageline")


def launch(job: Job) -> LocalCommand:
    """Prepare the environment and start the command.

    Raises:
        InvalidInput: the command can not be started; or as `prepare`.
    """
    prepared = prepare(job.environment, job.env_manager, cache=job.cache, say=job.say)
    job.set_tags(prepared.tags)
    return LocalCommand(job, prepared)


def describe(job: Job) -> str:
    """The line that is run, and where."""
    named = job.env_manager or "what suits the project"
    variables = "\n".join(f"  {name}" for name in sorted(job.variables))
    return (
        f"folder:      {job.source.folder}\n"
        f"environment: {named}: {job.environment}\n"
        f"variables:\n{variables}\n"
        f"command:     bash -c {shlex.quote(job.command)}"
    )


class LocalCommand:
    """A job's command, on this machine."""

    def __init__(self, job: Job, prepared: Prepared) -> None:
        self._job = job
        self._prepared = prepared  # kept: while it is, nobody prunes the environment
        self._output = Output(job.write, job.run_folder / FILE_NAME)
        self._lock = threading.Lock()
        self._exit: Exit | None = None
        variables = {"PYTHONUNBUFFERED": "1", **job.variables}  # or what it prints comes in lumps
        command, environment = prepared.command(
            ["bash", "-c", job.command], folder=job.source.folder, variables=variables
        )
        try:
            self._group = Group(
                command,
                folder=job.source.folder,
                environment=environment,
                outputs={name: self._output.taker(name) for name in ("stdout", "stderr")},
            )
        except OSError as error:
            self._output.close()
            raise InvalidInput(
                f"the command can not be started ({error.strerror}): {job.command[:500]}"
            ) from error

    def wait(self) -> Exit:
        """Wait for its end, and until its output is kept."""
        code = self._group.wait()
        with self._lock:
            if self._exit is None:
                self._output.close()
                self._keep_output()
                self._exit = _exit_of(code, self._output.last_error_line)
        return self._exit

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and all that it started."""
        self._group.stop(number)

    def _keep_output(self) -> None:
        if not self._output.file.stat().st_size:
            return
        try:
            self._job.keep_file(self._output.file, ARTIFACT_FOLDER)
        except StagelineError as error:  # how the command ended counts more than what it said
            _log.warning(
                "the output of run %s is not among its artifacts: %s", self._job.run_id, error
            )


def _exit_of(code: int, last_line: str) -> Exit:
    detail = last_line or None
    if code < 0:
        return Exit(None, signal.Signals(-code).name, detail)
    if code in _SHELLS_SIGNALS:
        return Exit(code, _SHELLS_SIGNALS[code].name, detail)
    return Exit(code, None, detail)
