"""What the store says of runs, versions and who read what: asked in batches, and each thing once a walk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.query import Comparison, Entity, Operator
from stageline.domain.registry_events import VersionRegistered
from stageline.domain.run import TAG_PARENT_RUN_ID, ViewType
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stageline.domain.model import ModelVersion
    from stageline.domain.run import Run
    from stageline.domain.summary import RunSummary
    from stageline.registry.registry import Registry
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.runs import Runs
    from stageline.tracking.search import RunSearch

AT_ONCE = 500
"""Values in one comparison: SQLite before 3.32 binds at most 999."""
_ALL_VERSIONS = 200_000


class KnownVersion(NamedTuple):
    """A version, or what the registry's journal remembers of one that was deleted."""

    version: ModelVersion
    is_deleted: bool
    renamed_to: str = ""
    """The name that its model has now."""


class Sources(NamedTuple):
    """Where all that is recorded is read."""

    experiments: Experiments
    runs: Runs
    registry: Callable[[], Registry]
    search: Callable[[], RunSearch]
    url: str


class Records:
    """One look at the store. Asks the search index for many runs, and a run itself only where one is followed up."""

    def __init__(self, sources: Sources, most: int) -> None:
        self.sources = sources
        self.most = most
        """Of the runs that answer one question."""
        self.is_cut = False
        """Whether more runs answered a question."""
        self.problems: dict[str, str] = {}
        """Run -> why it can not be read."""
        self._runs: dict[str, Run | None] = {}
        self._folders: dict[str, list[str]] = {}
        self._experiment_ids: list[str] | None = None
        self._versions: dict[str, dict[int, ModelVersion]] = {}
        self._deleted: dict[tuple[str, int], KnownVersion | None] = {}
        self._has_all_versions = False

    # -- runs -------------------------------------------------------------------------------------

    def load(self, run_ids: Iterable[str]) -> None:
        """Read the runs that are not known yet, several at once."""
        wanted = [one for one in dict.fromkeys(run_ids) if one not in self._runs]
        for run_id, run in zip(wanted, together(self._read, wanted), strict=True):
            self._runs[run_id] = run

    def run(self, run_id: str) -> Run | None:
        """The run; None if it is gone or can not be read."""
        self.load([run_id])
        return self._runs[run_id]

    def model_folders(self, run_id: str) -> list[str]:
        """Where among its artifacts a run logged models, as far as the run itself was read."""
        return self._folders.get(run_id, [])

    def _read(self, run_id: str) -> Run | None:
        runs = self.sources.runs
        try:
            stored = runs.stored(run_id)
        except (NotFound, InvalidInput):  # collected; or a tag that never was the id of a run
            return None
        except Corrupt as error:  # one damaged run must not hide all others
            self.problems[run_id] = str(error)
            return None
        self._folders[run_id] = sorted(
            path.rpartition("/")[0]
            for path, file in stored.files.items()
            if path.endswith("/MLmodel") and file.sha256 is not None
        )
        return stored.summary.to_run(runs.artifact_uri(run_id))

    # -- runs by what they say of each other ------------------------------------------------------

    def children(self, run_ids: Sequence[str]) -> list[Run]:
        """The runs that were started within those."""
        return self._tagged(TAG_PARENT_RUN_ID, run_ids)

    def spared(self, run_ids: Sequence[str]) -> list[Run]:
        """The runs that took their results from those."""
        return self._tagged(TAG_CACHED_FROM, run_ids)

    def readers(self, name: str, digest: str | None = None) -> list[Run]:
        """The runs that have a dataset of that name among their inputs, in any namespace."""
        asked = [Comparison(Entity.DATASET, "name", Operator.EQ, name)]
        if digest is not None:
            # The name and the digest may be of two inputs; who asks looks again.
            asked.append(Comparison(Entity.DATASET, "digest", Operator.EQ, digest))
        return self._matching(asked)

    def loaders(self, uris: Sequence[str]) -> list[Run]:
        """The runs that have one of these models among their inputs."""
        return [
            run
            for some in _portions(uris)
            for run in self._matching([Comparison(Entity.DATASET, "name", Operator.IN, some)])
        ]

    def _tagged(self, tag: str, values: Sequence[str]) -> list[Run]:
        return [
            run
            for some in _portions(values)
            for run in self._matching([Comparison(Entity.TAG, tag, Operator.IN, some)])
        ]

    def _matching(self, asked: list[Comparison]) -> list[Run]:
        runs = self.sources.runs
        is_first = self._experiment_ids is None
        if self._experiment_ids is None:
            for active in runs.open_runs():
                active.stream.publish_live()
            listed = self.sources.experiments.list(ViewType.ALL)
            self._experiment_ids = sorted(one.experiment_id for one in listed)
        found: list[RunSummary] = self.sources.search().matching(
            self._experiment_ids, asked, limit=self.most + 1, refresh=is_first
        )
        if len(found) > self.most:
            self.is_cut = True
        shown = [one.to_run(runs.artifact_uri(one.run_id)) for one in found[: self.most]]
        for run in shown:
            self._runs.setdefault(run.info.run_id, run)
        return shown

    # -- versions ---------------------------------------------------------------------------------

    def all_versions(self) -> list[ModelVersion]:
        """The versions of all models: one listing, and a read for each model."""
        if not self._has_all_versions:
            for version in self.sources.registry().search_model_versions("", _ALL_VERSIONS):
                self._versions.setdefault(version.name, {})[version.version] = version
            self._has_all_versions = True
        return [
            versions[number]
            for _, versions in sorted(self._versions.items())
            for number in sorted(versions)
        ]

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model; none if there is no such model."""
        if name not in self._versions and not self._has_all_versions:
            try:
                found = self.sources.registry().versions(name)
            except (NotFound, InvalidInput):
                found = []
            self._versions[name] = {one.version: one for one in found}
        return list(self._versions.get(name, {}).values())

    def version(self, name: str, number: int) -> KnownVersion | None:
        """One version; of one that was deleted, how it was registered; None if there never was one."""
        for version in self.versions(name):
            if version.version == number:
                return KnownVersion(version, False)
        key = (name, number)
        if key not in self._deleted:
            self._deleted[key] = self._remembered(name, number)
        return self._deleted[key]

    def _remembered(self, name: str, number: int) -> KnownVersion | None:
        renamed_to: str | None = None
        try:
            for entry in self.sources.registry().backwards(name):
                if renamed_to is None:  # what stands now is in the first
                    renamed_to = entry.state.renamed_to or ""
                for event in entry.events:
                    if isinstance(event, VersionRegistered) and event.version.version == number:
                        return KnownVersion(event.version, True, renamed_to)
        except (NotFound, InvalidInput):
            return None
        return None


def _portions(values: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(values[at : at + AT_ONCE]) for at in range(0, len(values), AT_ONCE)]
