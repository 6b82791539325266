"""A made-up orchestrator: the least that an integration has to bring."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from stageline import fluent
from stageline.settings import Settings
from stageline.storage.local import LocalStore
from stageline.storage.port import ObjectStore
from stageline.tasks import Session, TaskCall, TaskIdentity, Tracking
from stageline.workspace import Workspace


class Orchestra:
    """Calls tasks that record into `workspace`, which is also the fluent functions' for as long as a test runs."""

    def __init__(self, folder: Path, store: ObjectStore | None = None, **settings: Any) -> None:
        self.folder = folder
        self.workspace = Workspace(
            store or LocalStore(folder),
            Settings(cache=str(folder / "cache"), spool=str(folder / "spool"), **settings),
        )

    def session(self) -> Session:
        return Session(self.workspace, self._activated)

    def _activated(self, run: Any) -> AbstractContextManager[Any]:
        return fluent.activated(run)

    def call(
        self, task: str = "train", attempt: int = 1, tracking: Tracking | None = None, **said: Any
    ) -> TaskCall:
        identity = TaskIdentity(
            orchestrator="orchestra",
            pipeline="nightly",
            pipeline_run="nightly/1",
            task=task,
            attempt=attempt,
            display_name=f"{task} of nightly",
        )
        return TaskCall(
            identity=identity, open_session=self.session, tracking=tracking or Tracking(), **said
        )

    def run_of(self, call: TaskCall) -> Any:
        return self.workspace.runs.get(call.identity.run_id)

    def bytes_of_store(self) -> bytes:
        """Everything that lies in the store's folder, names too."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(str(path).encode() + path.read_bytes() for path in files)
