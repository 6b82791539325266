"""From a project's URI to a tracked run of one of its entry points, or of its steps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from stageline.errors import InvalidInput
from stageline.projects.attaching import attach, look
from stageline.projects.downloads import Downloads
from stageline.projects.interruption import sigterm_raises
from stageline.projects.launching import get_remote_launcher
from stageline.projects.options import RunOptions, check_options
from stageline.projects.planning import Opened, Planned, open_project, plan
from stageline.projects.submission import Submission

if TYPE_CHECKING:
    from stageline.projects.steps.inputs import StepResult
    from stageline.projects.steps.preview import Preview
    from stageline.projects.steps.running import StepPlan, Steps
    from stageline.projects.submitted import SubmittedRun
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.runs import Runs

_log = logging.getLogger("stageline")


class Projects:
    """Runs projects into the runs of one store."""

    def __init__(
        self,
        store: ObjectStore,
        runs: Runs,
        settings: Settings,
        *,
        artifacts: Callable[[str], RunArtifacts],
        fetch_model: Callable[[str, Path], Path],
        storage_options: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._store = store
        self._settings = settings
        self._options = storage_options
        self._downloads = Downloads(artifacts, fetch_model, self._storage_options)
        self._submission = Submission(
            runs,
            settings,
            artifacts=artifacts,
            downloads=self._downloads,
            cache=self.cache,
            storage_options=storage_options,
        )

    @property
    def cache(self) -> Path:
        """The folder for what may be used again: clones, environments."""
        return self._settings.cache_folder / "projects"

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

    # -- steps, one by one ------------------------------------------------------------------------

    def plan(
        self,
        uri: str | Path,
        parameters: Mapping[str, object] | None = None,
        *,
        version: str | None = None,
    ) -> StepPlan:
        """The steps of a project, checked with these parameters, and the commit that they are of; plain JSON.

        Raises:
            InvalidInput: the project has no steps, or a parameter breaks a rule.
            NotFound: there is no such project.
        """
        options: RunOptions = {"version": version}
        opened = self._opened(uri, options)
        try:
            return self._steps(opened, options).plan(parameters or {})
        finally:
            opened.source.discard()

    def preview(
        self,
        uri: str | Path,
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> list[Preview]:
        """What `run` would do with each step: run it or skip it, and why. Records nothing."""
        check_options(options)
        opened = self._opened(uri, options)
        try:
            return self._steps(opened, options).preview(parameters or {}, options)
        finally:
            opened.source.discard()

    def run_step(
        self,
        uri: str | Path,
        step: str,
        parameters: Mapping[str, object] | None = None,
        *,
        upstream: Mapping[str, StepResult] | None = None,
        **options: Unpack[RunOptions],
    ) -> StepResult:
        """Run one step as a tracked run, or skip it if that was made before; what came of it is plain JSON.

        Args:
            uri: The project. Give the `version` of its `plan`, or the steps may be of different ones.
            step: Its name.
            parameters: Values for all steps, as for `run`.
            upstream: What came of the steps that it needs, by their names.
            options: See `RunOptions`.

        Raises:
            InvalidInput: there is no such step, or the result of one that it needs is missing.
            RunFailed: its command failed, or did not make its outputs.
        """
        check_options(options)
        with sigterm_raises():
            opened = self._opened(uri, options)
            try:
                steps = self._steps(opened, options)
                return steps.run_one(step, parameters or {}, upstream or {}, options)
            finally:
                opened.source.discard()

    # -- how it is done ---------------------------------------------------------------------------

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

    def _opened(self, uri: str | Path, options: RunOptions) -> Opened:
        return open_project(
            str(uri),
            version=options.get("version"),
            cache=self.cache,
            say=options.get("say", _log.info),
            storage_options=self._storage_options(str(uri).partition(":")[0]),
        )

    def _steps(self, opened: Opened, options: RunOptions) -> Steps:
        # Late: most projects have none.
        from stageline.projects.steps.running import Steps
        from stageline.projects.steps.versions import Versions

        versions = Versions(self._submission.artifacts, self._downloads, self._storage_options)
        return Steps(
            opened, self._store, self._submission, versions, self._settings, self.cache, options
        )

    def _storage_options(self, protocol: str) -> Mapping[str, Any]:
        """The store's own options open other places of its kind; they are not for anybody else to see."""
        is_stores = self._settings.store.partition(":")[0] == protocol
        return self._options() if is_stores else {}


def _planned(
    opened: Opened, entry_point: str | None, parameters: Mapping[str, object] | None
) -> Planned:
    return plan(opened, opened.project.entry_point(entry_point or "main"), parameters or {})
