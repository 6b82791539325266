"""What a version's run and files tell about it: the seam to tracking and to the models' files, and to custom checks."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.gate import CheckOutcome
from stageline.domain.model import ModelVersion, VersionFacts
from stageline.domain.names import check_run_id
from stageline.errors import InvalidInput, NotAllowed, NotFound
from stageline.storage import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoints

    from stageline.domain.artifact import StoredFile
    from stageline.domain.summary import RunSummary
    from stageline.storage.port import ObjectStore

CHECKS = "stageline.gates"
"""The entry point group of custom checks: `check(version, facts)` says whether it passes, or as text why not."""

# A mapping, in braces or indented below; `null` is none.
_SIGNATURE = re.compile(rb"^signature:[ \t]*(?:\{|\r?\n[ \t]+\S)", re.MULTILINE)
_REQUIREMENTS = ("requirements.txt", "conda.yaml", "python_env.yaml")


class ModelFacts(Protocol):
    """Who knows what a run and a model's files say."""

    def look(
        self, run_id: str | None, artifact_path: str | None, source: str | None
    ) -> VersionFacts:
        """The facts of a model that a run logged, or of any folder.

        Raises:
            NotFound: there is no such run, or it has no such files.
            NotAllowed: the run is deleted.
        """
        ...


class StoredRun(Protocol):
    """A run, as far as it matters here."""

    @property
    def summary(self) -> RunSummary:
        """Its metrics, and whether it is deleted."""
        ...

    @property
    def files(self) -> Mapping[str, StoredFile]:
        """Its manifest."""
        ...


class RunSource(Protocol):
    """Where runs are read."""

    def stored(self, run_id: str) -> StoredRun:
        """The run. Raises `NotFound`."""
        ...

    def artifact_uri(self, run_id: str) -> str:
        """Where its artifacts lie."""
        ...


class RunFacts:
    """`ModelFacts` out of the runs of the same store: their metrics, manifests and `MLmodel` files."""

    def __init__(self, store: ObjectStore, runs: RunSource) -> None:
        self._store = store
        self._runs = runs

    def look(
        self, run_id: str | None, artifact_path: str | None, source: str | None
    ) -> VersionFacts:
        """As `ModelFacts.look`; of a source that is no run's only its address is known."""
        if run_id is None:
            return VersionFacts(source=source or "")
        stored = self._runs.stored(check_run_id(run_id))
        if stored.summary.is_deleted:
            raise NotAllowed(
                f"The run {run_id} must be in the 'active' state. Current state is deleted. "
                f"Restore it with `stageline runs restore {run_id}`"
            )
        metrics = {key: point.value for key, point in stored.summary.metrics.items()}
        root = self._runs.artifact_uri(run_id)
        if artifact_path is None:
            return VersionFacts(metrics=metrics, source=source or root)
        folder = check_artifact_path(artifact_path)
        files = {
            path: file.sha256
            for path, file in stored.files.items()
            if (path == folder or path.startswith(f"{folder}/")) and file.sha256 is not None
        }
        if not files:
            self._find_unnoted(run_id, folder, stored)
        names = {path[len(folder) :].lstrip("/") for path in files}
        return VersionFacts(
            metrics=metrics,
            has_signature="MLmodel" in names and self._has_signature(run_id, folder),
            has_requirements=any(name in names for name in _REQUIREMENTS),
            digest=_digest(folder, files) if files else "",
            source=source or f"{root}/{folder}",
        )

    def _find_unnoted(self, run_id: str, folder: str, stored: StoredRun) -> None:
        """Files that something else put there count too, though nobody vouches for them. Raises `NotFound`."""
        if self._store.list(f"{layout.run_artifacts(run_id)}{folder}/", limit=1):
            return
        tops = sorted({path.split("/")[0] for path in stored.files})
        raise NotFound(
            f"run {run_id} has no artifact {folder!r}; it has {', '.join(tops[:10]) or 'none'}"
        )

    def _has_signature(self, run_id: str, folder: str) -> bool:
        # One line is looked for and nothing is parsed: the file may be a stranger's.
        try:
            text = self._store.read(f"{layout.run_artifacts(run_id)}{folder}/MLmodel")
        except NotFound:
            return False
        return _SIGNATURE.search(text) is not None


def finite(facts: VersionFacts) -> VersionFacts:
    """The facts that JSON can hold."""
    import msgspec

    metrics = {key: value for key, value in facts.metrics.items() if math.isfinite(value)}
    return msgspec.structs.replace(facts, metrics=metrics, source="")


def installed_checks() -> EntryPoints:
    """The custom checks that are installed here, by name."""
    # Late: reading what is installed takes milliseconds, and few gates have checks.
    from importlib.metadata import entry_points

    return entry_points(group=CHECKS)


def check_installed(names: list[str]) -> None:
    """Raise `InvalidInput` for a check that is not installed here."""
    there = installed_checks().names
    for name in names:
        if name not in there:
            raise InvalidInput(
                f"no check {name!r} is installed here: a package declares it as an entry point of the group "
                f"{CHECKS!r}. Installed: {', '.join(sorted(there)) or 'none'}. "
                "To name it all the same, pass allow_unknown=True (--allow-unknown)"
            )


def run_check(name: str, version: ModelVersion, facts: VersionFacts) -> CheckOutcome:
    """What one custom check says of a version. A check that fails to run has not passed."""
    found = [one for one in installed_checks() if one.name == name]
    if not found:
        return CheckOutcome(False, "is not installed here")
    try:
        check: Callable[[ModelVersion, VersionFacts], Any] = found[0].load()
        answer = check(version, facts)
    except (
        Exception
    ) as error:  # whatever a stranger's code raises, the gate stays shut and says why
        return CheckOutcome(False, f"raised {type(error).__name__}: {error}"[:500])
    if isinstance(answer, str):
        return CheckOutcome(False, answer[:500])
    return CheckOutcome(answer is True or bool(answer), "")


def _digest(folder: str, files: Mapping[str, str]) -> str:
    lines = (f"{digest}  {path[len(folder) :]}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
