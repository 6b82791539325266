"""A Job that was launched: made, watched to its end with its output, and deleted if it is to stop."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from stageline.errors import Conflict, NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.projects.kubernetes.manifest import ANNOTATION_SUBMISSION
from stageline.projects.kubernetes.outcome import begun, outcome, over, trouble
from stageline.projects.launching import Exit
from stageline.projects.output import ARTIFACT_FOLDER, FILE_NAME, Output

if TYPE_CHECKING:
    from stageline.projects.kubernetes.cluster import Cluster
    from stageline.projects.launching import Attachment, Job

PATIENCE_S = 300.0
"""A cluster may be away for so long, as while it is updated, before its Job is given up."""
_LOGS_S = 60.0
"""What was printed is waited for so long after the end."""
_STOP_S = 120.0
"""A pod has 30 seconds to end by itself, unless its template gives it more."""

_log = logging.getLogger("stageline")


class RemoteJob:
    """A `Launched` in a cluster."""

    def __init__(
        self,
        job: Job | Attachment,
        cluster: Cluster,
        *,
        name: str,
        container: str,
        manifest: dict[str, Any] | None = None,
        poll_s: float = 2.0,
        seen: Exit | None = None,
    ) -> None:
        """`manifest` is None for a Job that is there; `seen` how it ended, for one that may be gone by now."""
        self._job = job
        self._cluster = cluster
        self._manifest = manifest
        self._poll_s = poll_s
        self._name = name
        self._container = container
        self._seen = seen
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._logs: dict[str, threading.Thread] = {}
        self._said = ""

    @property
    def reference(self) -> dict[str, Any]:
        """What `attach` takes."""
        return {
            "namespace": self._cluster.namespace,
            "job": self._name,
            "container": self._container,
        }

    def submit(self) -> None:
        """Make the Job, and leave it to itself. Raises as `run`."""
        if self._make():
            self._job.say(f"Job {self._name} in the namespace {self._cluster.namespace}")

    def look(self) -> Exit | None:
        """How the Job ended; None while it runs. Raises `StorageFailed` if the cluster is away."""
        try:
            return outcome(self._cluster.job(self._name), self._cluster.pods(self._name))
        except NotFound:
            return self._gone()

    def run(self) -> Exit:
        """Make the Job, unless that was done, and watch it.

        Raises:
            Unauthorized, InvalidInput, NotFound: the cluster refuses it.
            StorageFailed: the cluster was away for too long; the Job may go on.
        """
        output = Output(
            self._job.write, self._job.run_folder / FILE_NAME, shows=self._job.shows_output
        )
        try:
            if not self._make():
                return Exit(None)
            self._job.say(f"Job {self._name} in the namespace {self._cluster.namespace}")
            exit_ = self._watch(output)
            self._await_logs()
        finally:
            output.close()
        self._keep(output)
        return exit_

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Delete the Job, and wait until its pods have ended."""
        del number  # a cluster has but one way
        self._stopped.set()
        with self._lock:
            self._cluster.delete_job(self._name)
        deadline = time.monotonic() + _STOP_S
        while time.monotonic() < deadline:
            try:
                self._cluster.job(self._name)
            except NotFound:
                return
            except StorageFailed:
                _log.debug("the cluster is away while the Job %s is deleted", self._name)
            time.sleep(min(self._poll_s, 0.5))
        _log.warning("the Job %s is being deleted, but its pods have not ended yet", self._name)

    def _make(self) -> bool:
        """Whether the Job is there; what is being stopped is not made, and what is being made is stopped after."""
        with self._lock:
            if self._stopped.is_set():
                return False
            manifest, self._manifest = self._manifest, None
            if manifest is not None:
                self._patiently(lambda: self._create(manifest))
            return True

    def _create(self, manifest: dict[str, Any]) -> None:
        try:
            self._cluster.create_job(manifest)
        except Conflict:  # perhaps by ourselves: an answer may be lost
            there = self._cluster.job(self._name)["metadata"].get("annotations") or {}
            ours = manifest["metadata"]["annotations"][ANNOTATION_SUBMISSION]
            if there.get(ANNOTATION_SUBMISSION) != ours:
                raise

    def _gone(self) -> Exit:
        return self._seen or Exit(None, "SIGKILL")

    def _watch(self, output: Output) -> Exit:
        while True:
            try:
                job = self._patiently(lambda: self._cluster.job(self._name))
                pods = self._patiently(lambda: self._cluster.pods(self._name))
            except NotFound:
                if not self._stopped.is_set() and self._seen is None:
                    self._job.say(f"the Job {self._name} was deleted")
                return self._gone()
            for pod in pods:
                self._follow(pod, output)
            why = trouble(pods)
            if why and why != self._said:
                self._said = why
                self._job.say(f"the Job waits: {why}")
            exit_ = outcome(job, pods)
            if exit_ is not None:
                return exit_
            self._stopped.wait(self._poll_s)
            if self._stopped.is_set():
                time.sleep(min(self._poll_s, 0.5))  # until it is gone

    def _follow(self, pod: dict[str, Any], output: Output) -> None:
        name = pod["metadata"]["name"]
        if begun(pod) and name not in self._logs:
            thread = threading.Thread(target=self._read_log, args=(name, output), daemon=True)
            self._logs[name] = thread
            thread.start()

    def _read_log(self, pod: str, output: Output) -> None:
        """All lines of a pod, each once: a log that was cut is read again, and what is known passed over."""
        take = output.taker("stdout")  # a cluster keeps both streams as one
        last = b""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                for line in self._cluster.log(pod, self._container):
                    deadline = time.monotonic() + PATIENCE_S
                    when, _, text = line.partition(b" ")
                    if when > last:
                        last = when
                        take(text)
                if self._has_ended(pod):
                    return
            except NotFound:
                return
            except StagelineError as error:
                if isinstance(error, Unauthorized) or time.monotonic() > deadline:
                    _log.warning("the output of %s is not all there: %s", pod, error)
                    return
            time.sleep(min(self._poll_s, 0.5))

    def _await_logs(self) -> None:
        deadline = time.monotonic() + _LOGS_S
        for pod, thread in self._logs.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():  # another container of the pod goes on, perhaps
                _log.warning("the output of %s is not waited for any longer", pod)

    def _has_ended(self, pod: str) -> bool:
        found = [one for one in self._cluster.pods(self._name) if one["metadata"]["name"] == pod]
        return not found or over(found[0])

    def _patiently(self, ask: Any) -> Any:
        """Ask again while the cluster is away, for a while. It refuses nothing meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return ask()
            except Unauthorized:
                raise
            except StorageFailed as error:
                if time.monotonic() > deadline or self._stopped.is_set():
                    raise StorageFailed(
                        f"{error}. The Job {self._name} may go on: `kubectl get job {self._name}` tells"
                    ) from error
            self._stopped.wait(self._poll_s)

    def _keep(self, output: Output) -> None:
        if not output.file.stat().st_size:
            return
        try:
            self._job.keep_file(output.file, ARTIFACT_FOLDER)
        except StagelineError as error:  # how the command ended counts more than what it said
            _log.warning("the output of run %s is not kept: %s", self._job.run_id, error)
