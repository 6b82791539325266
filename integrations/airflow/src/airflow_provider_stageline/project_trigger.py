"""What waits in the triggerer for the command of a project that runs elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class ProjectJobTrigger(BaseTrigger):
    """Waits until a command has ended that `projects.submit` left. Its one event is how, for the task to end the run.

    Args:
        run_id: The run.
        reference: What finds the command again.
        backend: The launcher.
        backend_config: What it was submitted with; names a cluster, and holds no secrets.
        stageline_conn_id: Connection of type `stageline`.
        poll_interval_s: Seconds between two looks.
    """

    def __init__(
        self,
        run_id: str,
        reference: Mapping[str, Any] | None,
        backend: str,
        backend_config: Mapping[str, Any] | None = None,
        stageline_conn_id: str = "stageline_default",
        poll_interval_s: float = 5.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.run_id = run_id
        self.reference = dict(reference or {})
        self.backend = backend
        self.backend_config = dict(backend_config or {})
        self.stageline_conn_id = stageline_conn_id
        self.poll_interval_s = poll_interval_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where it is, and what makes it again."""
        names = (
            "run_id", "reference", "backend", "backend_config", "stageline_conn_id", "poll_interval_s"
        )  # fmt: skip
        return f"{__name__}.ProjectJobTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it has ended. What can not be looked at from here is handed back to a worker, which waits."""
        from stageline.errors import StagelineError, StorageFailed, Unauthorized

        while True:
            try:
                ended = await asyncio.to_thread(self.look)
            except StagelineError as error:
                if isinstance(error, Unauthorized) or not isinstance(error, StorageFailed):
                    yield self._event(None, trouble=str(error))
                    return
                self.log.warning("nobody answers where the project runs: asked again: %s", error)
                ended = None
            if ended is not None:
                yield self._event(ended)
                return
            await asyncio.sleep(self.poll_interval_s)

    async def on_kill(self) -> None:
        """End the command and its run: Airflow calls this only if a user ended or cleared the task."""
        await asyncio.to_thread(self.cancel)

    def look(self) -> dict[str, Any] | None:
        """How the command ended, if it has."""
        from airflow_provider_stageline.reaching import open_workspace

        projects = open_workspace(self.stageline_conn_id).projects
        return projects.look(
            self.run_id, self.reference, backend=self.backend, backend_config=self.backend_config
        )

    def cancel(self) -> None:
        """End the command and its run."""
        from airflow_provider_stageline.reaching import open_workspace

        attached = open_workspace(self.stageline_conn_id).projects.attach(
            self.run_id,
            self.reference,
            backend=self.backend,
            backend_config=self.backend_config,
            say=self.log.info,
            output=lambda stream, text: None,  # it goes into the run, not into the triggerer's log
        )
        attached.cancel("the task was killed")

    def _event(self, ended: dict[str, Any] | None, *, trouble: str | None = None) -> TriggerEvent:
        told = {"reference": self.reference, "exit": ended, "trouble": trouble}
        return TriggerEvent(told)  # type: ignore[no-untyped-call]  # Airflow's
