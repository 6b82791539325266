"""The lineage of one store: the graph around anything in it, and what stands behind a version: `Workspace.lineage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict, Unpack

from stageline.domain.registry_names import canonical_stage
from stageline.errors import InvalidInput, NotFound
from stageline.lineage.keys import DatasetKey, Key, ModelKey, RunKey, StageKey, VersionKey
from stageline.lineage.records import Records, Sources
from stageline.lineage.walk import Direction, Walk
from stageline.models.uri import RegisteredVersion, RunModel, parse_model_uri

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stageline.domain.graph import LineageGraph
    from stageline.domain.run import DatasetRef
    from stageline.lineage.trace import ProductionTrace

DEPTH = 8
"""Links from a dataset to a deployment, twice over."""
MOST_NODES = 2_000
"""More than anyone can look at; `is_cut` says that there were more."""


class Reach(TypedDict, total=False):
    """How far a walk goes."""

    direction: Direction | str
    """`up`, `down` or `both`; both if not given."""
    depth: int
    """How many links to follow each way."""
    most_nodes: int
    """After so many the rest is left out, and the graph says `is_cut`."""


class Lineage:
    """What came from what, as it was recorded. Writes nothing of its own; safe from many threads.

        graph = workspace.lineage.of("models:/wine/Production", direction="up")

    Upstream reads the runs and models on the way. Downstream asks the search index and the registry, so its requests
    do not grow with the number of runs: see the documentation of lineage.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def of(self, target: str, **reach: Unpack[Reach]) -> LineageGraph:
        """The graph around `target`.

        Args:
            target: `models:/<name>/<version, stage or latest>`, `models:/<name>@<alias>`, `models:/<name>` for all its
                versions, `runs:/<run_id>/<path>`, `dataset:<name>` or `dataset:<name>@<digest>`, or a run's id.
            reach: `direction`, `depth`, `most_nodes`; see `Reach`.

        Raises:
            InvalidInput: the target is malformed.
            NotFound: there is no such thing.
        """
        if target.startswith("models:"):
            return self.of_model(target, **reach)
        if target.startswith("runs:"):
            place = parse_model_uri(target)
            assert isinstance(place, RunModel)
            self._sources.runs.get(place.run_id)
            return self._walk([ModelKey(*place)], reach)
        if target.startswith("dataset:"):
            return self._of_dataset_text(target.removeprefix("dataset:"), reach)
        return self.of_run(target, **reach)

    def of_run(self, run_id: str, **reach: Unpack[Reach]) -> LineageGraph:
        """The graph around a run. Raises `NotFound`."""
        self._sources.runs.get(run_id)
        return self._walk([RunKey(run_id)], reach)

    def of_model(self, uri: str, **reach: Unpack[Reach]) -> LineageGraph:
        """The graph around a version, around a stage with the versions in it, or around all versions of a model.

        Raises:
            InvalidInput: it is no such URI.
            NotFound: there is no such model, version, stage or alias, or nothing is in the stage.
        """
        records = self._records(reach)
        return self._walk(self._model_keys(uri, records), reach, records)

    def of_dataset(
        self,
        name: str,
        digest: str | None = None,
        namespace: str | None = None,
        **reach: Unpack[Reach],
    ) -> LineageGraph:
        """The graph around a dataset: in one state of its data, or in all if no digest is given.

        Raises:
            NotFound: no run read such a dataset.
        """
        records = self._records(reach)
        refs: dict[Key, DatasetRef] = {}
        for run in records.readers(_text(name), None if digest is None else _text(digest)):
            for given in run.inputs.dataset_inputs:
                ref = given.dataset
                is_meant = ref.name == name and digest in (None, ref.digest)
                if is_meant and namespace in (None, ref.namespace):
                    refs[DatasetKey(ref.namespace, ref.name, ref.digest)] = ref
        if not refs:
            raise NotFound(
                f"no run in {self._sources.url} read a dataset {name!r}"
                f"{'' if digest is None else f' with the digest {digest!r}'}"
                f"{'' if namespace is None else f' in the namespace {namespace!r}'}: `stageline runs show RUN` shows "
                "the inputs of a run"
            )
        return self._walk(refs, reach, records, refs.values())

    def trace(self, uri: str, *, as_of: int | datetime | None = None) -> ProductionTrace:
        """What stands behind a version: who trained it on which data by which commit, and who let it in.

        Args:
            uri: `models:/<name>/<version, stage or latest>` or `models:/<name>@<alias>`.
            as_of: Unix milliseconds or a datetime with a zone: as the registry stood then.

        Raises:
            InvalidInput: it is no such URI, or the date has no zone.
            NotFound: there is, or was, no such version.
        """
        from stageline.lineage.trace import trace  # late: few who draw graphs ask for it

        return trace(uri, self._records({}), as_of)

    # -- how --------------------------------------------------------------------------------------

    def _records(self, reach: Reach) -> Records:
        return Records(self._sources, reach.get("most_nodes", MOST_NODES))

    def _walk(
        self,
        seeds: Iterable[Key],
        reach: Reach,
        records: Records | None = None,
        datasets: Iterable[DatasetRef] = (),
    ) -> LineageGraph:
        most = _count("most_nodes", reach.get("most_nodes", MOST_NODES))
        depth = _count("depth", reach.get("depth", DEPTH))
        direction = _direction(reach.get("direction", Direction.BOTH))
        return Walk(records or self._records(reach), most).graph(seeds, direction, depth, datasets)

    def _of_dataset_text(self, text: str, reach: Reach) -> LineageGraph:
        name, at, digest = text.rpartition("@")
        if at and name and digest:
            try:
                return self.of_dataset(name, digest, **reach)
            except NotFound:  # a name may have an @ in it
                pass
        return self.of_dataset(text, **reach)

    def _model_keys(self, uri: str, records: Records) -> list[Key]:
        registry = self._sources.registry()
        rest = uri.removeprefix("models:").strip("/")
        if "/" not in rest and "@" not in rest:
            registry.get(rest)  # says what is wrong
            return [VersionKey(rest, one.version) for one in records.versions(rest)]
        place = parse_model_uri(uri)
        assert isinstance(place, RegisteredVersion)
        name, selector = place
        if selector.isdecimal() or selector.startswith("@") or selector.lower() == "latest":
            return [VersionKey(name, registry.get_by_uri(str(place)).version)]
        stage = canonical_stage(selector, registry.get(name).stages)
        held = [one for one in records.versions(name) if one.current_stage == stage]
        if not held:
            raise NotFound(f"{uri}: no version of {name!r} is there now")
        return [StageKey(name, stage), *(VersionKey(name, one.version) for one in held)]


def _count(name: str, number: int) -> int:
    if number < 0:
        raise InvalidInput(f"Invalid {name} {number!r}: expected a number from 0")
    return number


def _direction(given: Direction | str) -> Direction:
    try:
        return Direction(given)
    except ValueError:
        raise InvalidInput(
            f"Invalid direction {given!r}: expected one of {', '.join(Direction)}"
        ) from None


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"Invalid dataset {text!r}: it is not valid Unicode") from error
    return text
