"""From a project's URI to a tracked run of one of its entry points."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import Unpack

from stageline.errors import InvalidInput
from stageline.projects.beginning import EndIfLeft, begin_run, publish
from stageline.projects.downloads import Downloads
from stageline.projects.interruption import sigterm_raises
from stageline.projects.launching import Job, get_launcher
from stageline.projects.options import RunOptions, check_options
from stageline.projects.planning import Planned, plan
from stageline.projects.submitted import SubmittedRun
from stageline.projects.tags import TAG_COMMAND
from stageline.projects.variables import run_variables

if TYPE_CHECKING:
    from stageline.settings import Settings
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.runs import Runs

_log = logging.getLogger("stageline")


class Projects:
    """Runs projects into the runs of one store."""

    def __init__(
        self,
        runs: Runs,
        settings: Settings,
        *,
        artifacts: Callable[[str], RunArtifacts],
        fetch_model: Callable[[str, Path], Path],
        storage_options: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._runs = runs
        self._settings = settings
        self._options = storage_options
        self._artifacts = artifacts
        self._downloads = Downloads(artifacts, fetch_model, self._storage_options)

    @property
    def cache(self) -> Path:
        """The folder for what may be used again: clones, environments."""
        return self._settings.cache_folder / "projects"

    def run(
        self,
        uri: str | Path,
        entry_point: str = "main",
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> SubmittedRun:
        """Run an entry point as a tracked run: its parameters, its source, its output, how it ended.

        Args:
            uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` a folder in it.
            entry_point: Its name in the MLproject file, or a script: `.py`, `.sh` or `.R`.
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

    def describe(
        self,
        uri: str | Path,
        entry_point: str = "main",
        parameters: Mapping[str, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> str:
        """What `run` would do, for people: the command and its environment. Fetches the project, records nothing."""
        check_options(options)
        planned = self._planned(str(uri), entry_point, parameters or {}, options)
        try:
            unset = "<of the run>"
            values = planned.arguments(_where_it_would_be)
            job = self._job(
                planned, values, options, run_id=unset, experiment_id=unset, folder=Path(unset)
            )
            return get_launcher(options.get("backend", "local")).describe(job)
        finally:
            planned.source.discard()

    # -- the steps --------------------------------------------------------------------------------

    def _submit(
        self, uri: str, entry_point: str, parameters: Mapping[str, object], options: RunOptions
    ) -> SubmittedRun:
        launcher = get_launcher(options.get("backend", "local"))
        self._check(options)
        planned = self._planned(uri, entry_point, parameters, options)
        run_id = options.get("run_id")
        owns_end = run_id is None or self._runs.find_open(run_id) is None
        with contextlib.ExitStack() as undo:
            undo.callback(planned.source.discard)
            run = begin_run(self._runs, planned, options)
            if owns_end:
                undo.push(EndIfLeft(run))
            folder = _run_folder(options.get("storage_dir"))
            if not options.get("storage_dir"):
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
            values = planned.arguments(lambda url, name: self._downloads.fetch(url, folder / name))
            job = self._job(
                planned, values, options, run_id=run.run_id, experiment_id=run.experiment_id, folder=folder
            )  # fmt: skip
            job = replace(
                job,
                set_tags=run.set_tags,
                write=run.write_output,
                keep_file=self._artifacts(run.run_id).log_file,
            )
            run.set_tags({TAG_COMMAND: job.command})
            publish(run, self._runs)
            job.say(f"run {run.run_id}: {job.command}")
            launched = launcher.launch(job)
            left = undo.pop_all()
        return SubmittedRun(run, launched, owns_end=owns_end, clean_up=left.close)

    def _check(self, options: RunOptions) -> None:
        if options.get("experiment_name") and options.get("experiment_id"):
            raise InvalidInput("give the experiment by name or by id, not by both")
        if self._settings.store.startswith("memory:"):
            raise InvalidInput(
                f"a project runs in a process of its own, which does not see {self._settings.store}: name another "
                "store, such as a folder"
            )

    def _planned(
        self, uri: str, entry_point: str, parameters: Mapping[str, object], options: RunOptions
    ) -> Planned:
        return plan(
            uri,
            entry_point,
            parameters,
            version=options.get("version"),
            cache=self.cache,
            say=options.get("say", _log.info),
        )

    def _job(
        self,
        planned: Planned,
        values: Mapping[str, str],
        options: RunOptions,
        *,
        run_id: str,
        experiment_id: str,
        folder: Path,
    ) -> Job:
        """The job, but for what it records into."""
        settings = msgspec.structs.replace(self._settings, storage_options=dict(self._options()))
        variables = run_variables(run_id, experiment_id, options.get("experiment_name"), settings)
        return Job(
            run_id=run_id,
            project_name=planned.project.name,
            entry_point=planned.entry_point.name,
            command=planned.command(values),
            source=planned.source,
            variables=variables,
            environment=planned.environment,
            env_manager=options.get("env_manager"),
            cache=self.cache,
            run_folder=folder,
            options=options.get("backend_config") or {},
            docker_args=options.get("docker_args") or {},
            build_image=options.get("build_image", False),
            say=options.get("say", _log.info),
        )

    def _storage_options(self, protocol: str) -> Mapping[str, Any]:
        """The store's own options open other places of its kind; they are not for anybody else to see."""
        is_stores = self._settings.store.partition(":")[0] == protocol
        return self._options() if is_stores else {}


def _run_folder(storage_dir: str | Path | None) -> Path:
    if storage_dir:
        Path(storage_dir).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="stageline-run-", dir=storage_dir or None)).absolute()


def _where_it_would_be(url: str, name: str) -> Path:
    return Path("<of the run>", name, url.rstrip("/").rpartition("/")[2])
