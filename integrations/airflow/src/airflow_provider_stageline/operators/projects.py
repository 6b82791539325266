"""Code from anywhere as a task: an entry point of a project, run as the task's own run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import ResumableJobMixin

from airflow_provider_stageline.operators.operator import failing_for_good
from airflow_provider_stageline.operators.recorded import RecordedOperator
from airflow_provider_stageline.reaching import open_workspace

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stageline.tasks import Recording

CLEARED = "CLEARED"
GONE = "GONE"
TAG_TRIES = "airflow.max_tries"


class RunProjectOperator(ResumableJobMixin, RecordedOperator):
    """Runs an entry point of a project; its run is the task's, and each try an attempt of it.

    The command finds the run in its environment and logs to it. When the task is killed, the command and all that it
    started are ended. If a worker dies over it, what the store says of the run decides (Airflow 3.3 and later): a
    command that finished is not run again, one that still runs on another host is waited for.

    Args:
        project_uri: A folder, an archive, a git repository, or any URL that fsspec knows; `#subfolder` a folder in it.
        entry_point: Its name in the MLproject file, or a script; default: the project's steps, or `main`.
        parameters: Values by name.
        version: A branch, a tag or a commit of a git repository.
        backend: A launcher: `local`, or one that is installed.
        backend_config: What that asks for.
        env_manager: `uv`, `virtualenv`, `conda`, `docker` or `local`; default: what suits the project.
        options: Others of `stageline.projects.RunOptions`.
        poll_interval_s: Seconds between two looks at a run that goes on elsewhere.
        deferrable: Whether the triggerer waits for the command, and no worker. Only for a backend that runs it
            elsewhere, such as `kubernetes`, which the triggerer has to reach too.
    """

    external_id_key = "stageline_run_id"
    template_fields: Sequence[str] = (
        "project_uri", "entry_point", "parameters", "version", "backend_config", *RecordedOperator.template_fields
    )  # fmt: skip

    def __init__(
        self,
        *,
        project_uri: str,
        entry_point: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        version: str | None = None,
        backend: str = "local",
        backend_config: Mapping[str, Any] | None = None,
        env_manager: str | None = None,
        options: Mapping[str, Any] | None = None,
        poll_interval_s: float = 5.0,
        deferrable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_uri = project_uri
        self.entry_point = entry_point
        self.parameters = parameters
        self.version = version
        self.backend = backend
        self.backend_config = backend_config
        self.env_manager = env_manager
        self.options = options
        self.poll_interval_s = poll_interval_s
        self.deferrable = deferrable
        self._recording: Recording | None = None
        self._submitted: Any = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run it, or take up what a try before has left."""
        with failing_for_good():
            if self.deferrable:
                self._leave_to_triggerer(context)
            result: dict[str, Any] = self.execute_resumable(context)
        return result

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take up the run that was left to the triggerer, keep what its command printed, and end it."""
        with failing_for_good():
            if event.get("trouble"):
                self.log.warning("the triggerer hands the run back: %s", event["trouble"])
            recording, run = self._begun(context)
            with _failing(recording):
                self._submitted = open_workspace(self.stageline_conn_id).projects.attach(
                    run.run_id,
                    event["reference"],
                    seen=event["exit"],
                    backend=self.backend,
                    backend_config=self.backend_config,
                    say=self.log.info,
                )
            self._recording = recording
            self.poll_until_complete(run.run_id, context)
            return self.get_job_result(run.run_id, context)

    def on_kill(self) -> None:
        """End the command and all that it started."""
        if self._submitted is not None:
            self._submitted.cancel("the task was killed")

    # -- what `execute_resumable` asks for --------------------------------------------------------

    def submit_job(self, context: Context) -> str:
        """Begin the run and its command; the id of the run."""
        recording, run = self._begun(context)
        with _failing(recording):
            self._submitted = open_workspace(self.stageline_conn_id).projects.run(
                self.project_uri,
                self.entry_point,
                dict(self.parameters or {}),
                **{**self._run_options(), "run_id": run.run_id, "synchronous": False},
            )
        self._recording = recording
        return str(run.run_id)

    def poll_until_complete(self, external_id: Any, context: Context) -> Any:
        """Wait for the end of the command, or of a run that goes on elsewhere. Raises if it did not finish."""
        self.recorded_run_id = str(external_id)
        if self._submitted is None:
            return self._watched(str(external_id), context)
        try:
            self._submitted.wait()
        finally:
            self._end()
        if self._submitted.get_status() != "FINISHED":
            raise self._failed(self._submitted.get_status(), self._submitted.reason)
        return None

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """How the last attempt of the run stands."""
        from stageline.errors import NotFound

        try:
            run = open_workspace(self.stageline_conn_id).runs.get(str(external_id))
        except NotFound:
            return GONE
        # Somebody cleared the task, so it is to be done again.
        if run.data.tags.get(TAG_TRIES) != str(context["ti"].max_tries or 0):
            return CLEARED
        return str(run.attempts[-1].status if run.attempts else run.info.status)

    def is_job_active(self, status: str) -> bool:
        """Whether it runs somewhere; a process that died is KILLED by whoever looks."""
        return status == "RUNNING"

    def is_job_succeeded(self, status: str) -> bool:
        """Whether it is done."""
        return status == "FINISHED"

    def get_job_result(self, external_id: Any, context: Context) -> dict[str, Any]:
        """The run, with the last of its metrics."""
        self.recorded_run_id = str(external_id)
        run = open_workspace(self.stageline_conn_id).runs.get(str(external_id))
        return {
            "run_id": run.info.run_id,
            "run_uri": f"runs:/{run.info.run_id}",
            "status": str(run.info.status),
            "metrics": dict(run.data.metrics),
        }

    # -- how --------------------------------------------------------------------------------------

    def _begun(self, context: Context) -> tuple[Recording, Any]:
        """The recording of this try, and its run."""
        from airflow_provider_stageline.calls import task_call
        from stageline.tasks import Recording

        given = {"project_uri": self.project_uri, "entry_point": self.entry_point}
        # The project's parameters are recorded by whoever reads its MLproject file.
        told = {**given, "parameters": self.parameters or {}, "version": self.version}
        recording = Recording(task_call(context, self.tracking, None, told), given)
        recording.begin()
        if recording.run is None:
            from stageline.errors import StorageFailed

            raise StorageFailed("the run of the project can not be opened: see the log above")
        return recording, recording.run

    def _leave_to_triggerer(self, context: Context) -> NoReturn:
        from airflow_provider_stageline.project_trigger import ProjectJobTrigger

        recording, run = self._begun(context)
        with _failing(recording):
            submitted = open_workspace(self.stageline_conn_id).projects.submit(
                self.project_uri,
                self.entry_point,
                dict(self.parameters or {}),
                **{**self._run_options(), "run_id": run.run_id},
            )
        recording.pause()
        trigger = ProjectJobTrigger(
            run_id=str(run.run_id),
            reference=submitted.reference,
            backend=self.backend,
            backend_config=dict(self.backend_config or {}),
            stageline_conn_id=self.stageline_conn_id,
            poll_interval_s=self.poll_interval_s,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _watched(self, run_id: str, context: Context) -> dict[str, Any]:
        self.log.info("run %s goes on: waiting for its end", run_id)
        while (status := self.get_job_status(run_id, context)) == "RUNNING":
            time.sleep(self.poll_interval_s)
        if not self.is_job_succeeded(status):
            raise self._failed(status, None)
        return self.get_job_result(run_id, context)

    def _end(self) -> None:
        from stageline import RunStatus

        recording, submitted = self._recording, self._submitted
        if recording is None:
            return
        status = submitted.get_status()
        if status == "RUNNING":  # what left the wait was no end of the command
            submitted.cancel("the task was interrupted")
            status = submitted.get_status()
        recording.end(RunStatus(status), submitted.reason)

    def _failed(self, status: str, reason: str | None) -> Exception:
        from stageline.errors import RunFailed

        said = f" ({reason})" if reason else ""
        return RunFailed(
            f"run {self.recorded_run_id} of {self.project_uri} is {status}{said}: "
            f"`stageline runs show {self.recorded_run_id}` tells all of it"
        )

    def _run_options(self) -> dict[str, Any]:
        chosen = {
            "version": self.version,
            "backend": self.backend,
            "backend_config": self.backend_config,
            "env_manager": self.env_manager,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"say": self.log.info, **given, **(self.options or {})}

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """What the run read, and what was logged or registered of it."""
        from airflow_provider_stageline.openlineage import run_lineage

        return run_lineage(self)


@contextmanager
def _failing(recording: Recording) -> Iterator[None]:
    """What leaves the block ends the try."""
    try:
        yield
    except BaseException as error:
        recording.fail(error)
        raise
