"""What everything with projects begins with: one of them opened, and its steps, with what this store lends them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.projects.downloads import Downloads
from stageline.projects.planning import Opened, open_project
from stageline.projects.submission import Submission

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions
    from stageline.projects.steps.running import Steps
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.runs import Runs

_log = logging.getLogger("stageline")


class Desk:
    """Opens projects for the runs of one store."""

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
