"""The launcher `local`: the command runs on this machine, in the project's folder and environment."""

from __future__ import annotations

import logging
import re
import shlex
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, StagelineError
from stageline.projects.environments.docker import Container
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

_SECRET = {"STAGELINE_STORAGE_OPTIONS"}

_log = logging.getLogger("stageline")


def launch(job: Job) -> LocalCommand:
    """Prepare the environment. Raises as `prepare`."""
    prepared = prepare(
        job.environment,
        job.env_manager,
        cache=job.cache,
        say=job.say,
        docker_args=job.docker_args,
    )
    if job.build_image:
        prepared = _with_code(prepared, job)
    if isinstance(prepared, Container):
        # Values of type `path` are absolute: they hold inside as well.
        prepared = replace(prepared, seen=(job.source.folder, job.run_folder))
    job.set_tags(prepared.tags)
    return LocalCommand(job, prepared)


def _with_code(prepared: Prepared, job: Job) -> Prepared:
    # Late: few have an image built for each run.
    from stageline.projects.environments.image import build_image

    if not isinstance(prepared, Container):
        raise InvalidInput(
            "there is no image to build on: name one in docker_env of the MLproject file, or leave --build-image out"
        )
    plain = re.sub(r"[^a-z0-9]+", "-", (job.project_name or "project").lower()).strip("-")
    name = f"{plain or 'project'}:{(job.source.commit or job.run_id)[:32]}"
    image_id = build_image(prepared.spec.image, name, job.source.folder, say=job.say)
    spec = replace(prepared.spec, image=name)
    return replace(prepared, spec=spec, image_id=image_id, holds_code=True)


def describe(job: Job) -> str:
    """The line that is run, and where."""
    named = job.env_manager or "what suits the project"
    shown = {**job.variables, **dict.fromkeys(_SECRET & job.variables.keys(), "***")}
    variables = "\n".join(f"  {name}={shlex.quote(shown[name])}" for name in sorted(shown))
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
        self._lock = threading.Lock()
        self._group: Group | None = None
        self._is_stopped = False

    def run(self) -> Exit:
        """Run it, and keep its output. Raises `InvalidInput` if it can not be started."""
        output = Output(
            self._job.write, self._job.run_folder / FILE_NAME, shows=self._job.shows_output
        )
        try:
            with self._lock:
                if self._is_stopped:
                    return Exit(None)
                self._group = self._started(output)
            code = self._group.wait()
        finally:
            output.close()
        self._keep(output.file)
        return _exit_of(code, output.last_error_line)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and all that it started; what has not begun never will."""
        with self._lock:
            self._is_stopped = True
        if self._group is not None:
            self._group.stop(number)

    def _started(self, output: Output) -> Group:
        job = self._job
        variables = {"PYTHONUNBUFFERED": "1", **job.variables}  # or what it prints comes in lumps
        command, environment = self._prepared.command(
            ["bash", "-c", job.command], folder=job.source.folder, variables=variables
        )
        try:
            return Group(
                command,
                folder=job.source.folder,
                environment=environment,
                outputs={name: output.taker(name) for name in ("stdout", "stderr")},
            )
        except OSError as error:
            raise InvalidInput(
                f"the command can not be started ({error.strerror}): {job.command[:500]}"
            ) from error

    def _keep(self, file: Path) -> None:
        if not file.stat().st_size:
            return
        try:
            self._job.keep_file(file, ARTIFACT_FOLDER)
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
