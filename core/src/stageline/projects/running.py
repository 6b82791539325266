"""From a project's URI to a tracked run of one of its entry points, or of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from stageline.errors import InvalidInput
from stageline.projects.attaching import attach, look
from stageline.projects.interruption import sigterm_raises
from stageline.projects.launching import get_remote_launcher
from stageline.projects.options import RunOptions, check_options
from stageline.projects.planning import Opened, Planned, plan
from stageline.projects.step_by_step import StepByStep

if TYPE_CHECKING:
    from stageline.projects.submitted import SubmittedRun


class Projects(StepByStep):
    """Runs projects into the runs of one store."""

    def run(
        self,
        uri: str | Path,
        entry_point: str | None = None,
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> SubmittedRun:
        """Run an entry point as a tracked run: its parameters, its source, its output, how it ended.

        Args:
            uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` a folder in it.
            entry_point: Its name in the MLproject file, or a script: `.py`, `.sh` or `.R`. By default the project's
                steps, each as a child of the run, or `main` if it has none.
            parameters: Values by name. What the entry point does not declare follows its command as `--name value`.
            options: See `RunOptions`.

        Raises:
            InvalidInput: the project, the entry point or a parameter breaks a rule; nothing is recorded.
            NotFound: there is no such project, or nothing where a parameter of type `path` points.
            RunFailed: the command failed or was killed. Only if `synchronous`.
        """
        check_options(options)
        with sigterm_raises():
            submitted = self._submit(str(uri), entry_point, parameters or {}, options)
            if options.get("synchronous", True):
                submitted.see_through()
            else:
                submitted.begin()
        return submitted

    def submit(
        self,
        uri: str | Path,
        entry_point: str | None = None,
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> SubmittedRun:
        """As `run`, but return once the command is accepted elsewhere: the run waits until somebody attaches to it.

        Its `run_id` and `reference` are what `attach` takes, in this process or another, on this machine or another. A
        run that this process had open before stays so: whoever opened it leaves it, or ends it.

        Raises:
            InvalidInput: as `run`; or the backend runs commands that end with this process, or the project runs as
                its steps. Nothing is recorded.
            Unauthorized, NotFound, StorageFailed: where it is to run, it is not accepted; the run is FAILED.
        """
        check_options(options)
        get_remote_launcher(options.get("backend", "local"))
        with sigterm_raises():
            submitted = self._submit(
                str(uri), entry_point, parameters or {}, options, allows_steps=False
            )
            submitted.leave()
        return submitted

    def attach(
        self,
        run_id: str,
        reference: Mapping[str, Any],
        /,
        *,
        seen: Mapping[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> SubmittedRun:
        """Take up a run that `submit` left: watch its command, keep its output, and end the run by the command's end.

        Args:
            run_id: The run. One that this process has open is not ended.
            reference: As `SubmittedRun.reference` was.
            seen: What `look` answered, if somebody saw the command end; it counts if there is no trace of it any more.
            options: `backend` and `backend_config` as for `submit`, `say`, `output` and `begun`; the others say nothing
                here.

        Raises:
            InvalidInput: the backend runs nothing elsewhere, or has no such reference.
            NotFound: there is no such run.
        """
        check_options(options)
        submitted = attach(self._submission, run_id, reference, options, seen)
        submitted.begin()
        return submitted

    def look(
        self,
        run_id: str,
        reference: Mapping[str, Any],
        *,
        backend: str,
        backend_config: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """How the command of a run that `submit` left has ended, as plain JSON; None while it has not. Touches no run.

        Raises:
            InvalidInput: as `attach`.
            StorageFailed: nobody answers where it runs, just now.
        """
        return look(run_id, reference, backend, backend_config or {})

    def describe(
        self,
        uri: str | Path,
        entry_point: str | None = None,
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> str:
        """What `run` would do, for people: the command and its environment, or which steps it would run and skip.

        Fetches the project, records nothing, and shows no secrets.
        """
        check_options(options)
        opened = self._opened(uri, options)
        try:
            if entry_point is None and opened.project.steps:
                from stageline.projects.steps.preview import shown

                return shown(self._steps(opened, options).preview(parameters or {}, options))
            return self._submission.describe(_planned(opened, entry_point, parameters), options)
        finally:
            opened.source.discard()

    def _submit(
        self,
        uri: str,
        entry_point: str | None,
        parameters: Mapping[str, object],
        options: RunOptions,
        *,
        allows_steps: bool = True,
    ) -> SubmittedRun:
        self._submission.check(options)
        opened = self._opened(uri, options)
        try:
            if entry_point is None and opened.project.steps:
                if not allows_steps:
                    raise InvalidInput(
                        "the steps of a project are run one after the other from here, so they can not be left to "
                        "run elsewhere: name one entry point, or wait for the run"
                    )
                return self._steps(opened, options).submit(parameters, options)
            planned = _planned(opened, entry_point, parameters)
        except BaseException:
            opened.source.discard()
            raise
        return self._submission.submit(planned, options)


def _planned(
    opened: Opened, entry_point: str | None, parameters: Mapping[str, object] | None
) -> Planned:
    return plan(opened, opened.project.entry_point(entry_point or "main"), parameters or {})
