"""From an entry point with its values to a run that is begun, and a command that is ready to go."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.errors import InvalidInput
from stageline.projects.beginning import EndIfLeft, begin_run, publish
from stageline.projects.launching import Job, get_launcher
from stageline.projects.submitted import SubmittedRun
from stageline.projects.tags import TAG_COMMAND, project_tags
from stageline.projects.variables import run_variables

if TYPE_CHECKING:
    from stageline.projects.downloads import Downloads
    from stageline.projects.launching import Launched
    from stageline.projects.options import RunOptions
    from stageline.projects.planning import Planned
    from stageline.settings import Settings
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.runs import Runs

_log = logging.getLogger("stageline")


@dataclass(frozen=True)
class Besides:
    """What is done for a run besides running its command."""

    tags: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[ActiveRun], None] = lambda run: None
    """Called with the run that was begun, before its command is made."""
    wrapped: Callable[[ActiveRun, Launched], Launched] = lambda run, launched: launched


class Submission:
    """Begins runs in one store. Safe from several threads."""

    def __init__(
        self,
        runs: Runs,
        settings: Settings,
        *,
        artifacts: Callable[[str], RunArtifacts],
        downloads: Downloads,
        cache: Path,
        storage_options: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.runs = runs
        self.artifacts = artifacts
        self._settings = settings
        self._downloads = downloads
        self._cache = cache
        self._storage_options = storage_options

    def check(self, options: RunOptions) -> None:
        """Raises `InvalidInput` for options that say two things, or a store that a command can not see."""
        if options.get("experiment_name") and options.get("experiment_id"):
            raise InvalidInput("give the experiment by name or by id, not by both")
        if self._settings.store.startswith("memory:"):
            raise InvalidInput(
                f"a project runs in a process of its own, which does not see {self._settings.store}: name another "
                "store, such as a folder"
            )

    def owns_end(self, options: RunOptions) -> bool:
        """Whether the run ends with its command: not if this process had it open before."""
        run_id = options.get("run_id")
        return run_id is None or self.runs.find_open(run_id) is None

    def submit(
        self, planned: Planned, options: RunOptions, besides: Besides | None = None
    ) -> SubmittedRun:
        """Begin the run of `planned` and prepare its command, whose source is discarded after it.

        Raises whatever can not be prepared; the run is FAILED then.
        """
        besides = besides or Besides()
        backend = options.get("backend", "local")
        with contextlib.ExitStack() as undo:
            undo.callback(planned.source.discard)
            launcher = get_launcher(backend)
            owns_end = self.owns_end(options)
            tags = project_tags(planned.source, planned.entry_point.name, backend)
            secrets = planned.secrets
            params = secrets.shown(planned.binding.params)
            run = begin_run(self.runs, {**tags, **besides.tags}, params, options)
            if owns_end:
                undo.push(EndIfLeft(run))
            folder = make_run_folder(options.get("storage_dir"))
            if not options.get("storage_dir"):
                undo.callback(shutil.rmtree, folder, ignore_errors=True)

            def keep_file(file: Path, folder: str) -> None:
                secrets.mask(file)
                self.artifacts(run.run_id).log_file(file, folder)

            def write(stream: str, text: str) -> None:
                clean = secrets.output(text)
                run.write_output(stream, clean)
                if "output" in options:
                    options["output"](stream, clean)

            besides.ready(run)
            values = planned.arguments(lambda url, name: self._downloads.fetch(url, folder / name))
            shown = planned.shown_command(values)
            job = self._job(
                planned, planned.command(values), shown, options,
                run_id=run.run_id, experiment_id=run.experiment_id, folder=folder,
            )  # fmt: skip
            job = replace(
                job,
                set_tags=run.set_tags,
                write=write,
                shows_output="output" not in options,
                keep_file=keep_file,
            )
            run.set_tags({TAG_COMMAND: shown})
            publish(run, self.runs)
            job.say(f"run {run.run_id}: {shown}")
            launched = besides.wrapped(run, launcher.launch(job))
            left = undo.pop_all()
        submitted = SubmittedRun(
            run, launched, owns_end=owns_end, clean_up=left.close, shown=secrets.text
        )
        if "begun" in options:
            options["begun"](submitted)
        return submitted

    def describe(self, planned: Planned, options: RunOptions) -> str:
        """What `submit` would run, for people, without secrets."""
        unset = "<of the run>"
        command = planned.shown_command(planned.arguments(_where_it_would_be))
        job = self._job(
            planned,
            command,
            command,
            options,
            run_id=unset,
            experiment_id=unset,
            folder=Path(unset),
        )
        return get_launcher(options.get("backend", "local")).describe(job)

    def _job(
        self,
        planned: Planned,
        command: str,
        shown_command: str,
        options: RunOptions,
        *,
        run_id: str,
        experiment_id: str,
        folder: Path,
    ) -> Job:
        """The job, but for what it records into."""
        settings = msgspec.structs.replace(
            self._settings, storage_options=dict(self._storage_options())
        )
        variables = run_variables(run_id, experiment_id, options.get("experiment_name"), settings)
        return Job(
            run_id=run_id,
            project_name=planned.project.name,
            entry_point=planned.entry_point.name,
            command=command,
            shown_command=shown_command,
            source=planned.source,
            variables=variables,
            environment=planned.environment,
            env_manager=options.get("env_manager"),
            cache=self._cache,
            run_folder=folder,
            options=options.get("backend_config") or {},
            docker_args=options.get("docker_args") or {},
            build_image=options.get("build_image", False),
            say=options.get("say", _log.info),
        )


def make_run_folder(storage_dir: str | Path | None = None) -> Path:
    """A private folder for a run, in a place that its user named or among those that are temporary."""
    if storage_dir:
        Path(storage_dir).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="stageline-run-", dir=storage_dir or None)).absolute()


def _where_it_would_be(url: str, name: str) -> Path:
    return Path("<of the run>", name, url.rstrip("/").rpartition("/")[2])
