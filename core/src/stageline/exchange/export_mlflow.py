"""A store into a server that speaks MLflow's protocol. It gives ids of its own: ours are tags there."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.logged_model import without_links
from stageline.domain.run import TAG_PARENT_RUN_ID
from stageline.errors import AlreadyExists, InvalidInput, NotFound, StagelineError
from stageline.exchange.mlflow_calls import MlflowCalls
from stageline.exchange.outgoing import Exported
from stageline.exchange.source_files import local_path
from stageline.storage.open import open_store
from stageline.storage.transfer import put_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stageline.domain.experiment import Experiment
    from stageline.domain.model import ModelVersion
    from stageline.domain.run import Run
    from stageline.exchange.outgoing import Outgoing
    from stageline.storage.options import StorageOptions

TAG_RUN = "stageline.run_id"
"""On the server's run: which of ours it is."""
TAG_WHOLE = "stageline.export"
"""On the server's run: it has all that ours had when it ended at this time."""
TAG_VERSION = "stageline.version"
POINTS, PAIRS = 1000, 100
"""In one batch, as the protocol allows."""


class MlflowExport:
    """One export. A run that is whole on the server is not sent again; one that was cut off is begun anew."""

    def __init__(self, outgoing: Outgoing, url: str, options: StorageOptions) -> None:
        self._outgoing = outgoing
        self._calls = MlflowCalls(url)
        self._options = options
        self._counts: Counter[str] = Counter(
            experiments=0, runs=0, runs_new=0, points=0, files=0, versions=0, versions_new=0
        )
        self._notes: list[str] = []
        self.label = self._calls.label
        """The server's URL, without credentials."""
        self._ids: dict[str, str] = {}
        self._uris: dict[str, str] = {}

    def run(self, told: Callable[[], None], *, with_artifacts: bool = True) -> Exported:
        """Send all of it."""
        for experiment in self._outgoing.experiments:
            home = self._experiment(experiment)
            self._counts["experiments"] += 1
            for run in self._outgoing.runs(experiment):
                self._send(run, home, with_artifacts)
                told()
        for version in self._outgoing.versions():
            self._version(version)
        return Exported(dict(self._counts), self._notes)

    def _experiment(self, experiment: Experiment) -> str:
        try:
            found = self._calls.get("experiments/get-by-name", {"experiment_name": experiment.name})
        except NotFound:
            body = {"name": experiment.name, "tags": _listed(experiment.tags)}
            return str(self._calls.post("experiments/create", body, again=False)["experiment_id"])
        if found["experiment"].get("lifecycle_stage") == "deleted":
            raise InvalidInput(
                f"the experiment {experiment.name!r} is deleted on {self._calls.label}: restore it there"
            )
        return str(found["experiment"]["experiment_id"])

    # -- runs -------------------------------------------------------------------------------------

    def _send(self, run: Run, experiment_id: str, with_artifacts: bool) -> None:
        ours = run.info.run_id
        whole = str(run.info.end_time or "")
        self._counts["runs"] += 1
        found = self._find(ours, experiment_id)
        if found is not None:
            self._remember(ours, found["info"])
            if whole and _tags(found).get(TAG_WHOLE) == whole:
                return
            # What it got before is not known; deleted, it can still be restored there.
            self._calls.post("runs/delete", {"run_id": self._ids[ours]})
        info = self._create(run, experiment_id)
        self._remember(ours, info)
        theirs = self._ids[ours]
        self._log(run, theirs)
        if with_artifacts:
            self._send_files(run, info["artifact_uri"])
        self._calls.post("runs/set-tag", {"run_id": theirs, "key": TAG_WHOLE, "value": whole})
        ended = {"end_time": run.info.end_time} if run.info.end_time else {}
        self._calls.post("runs/update", {"run_id": theirs, "status": str(run.info.status), **ended})
        self._counts["runs_new"] += 1

    def _find(self, ours: str, experiment_id: str) -> dict[str, Any] | None:
        asked = {
            "experiment_ids": [experiment_id],
            "filter": f"tags.`{TAG_RUN}` = '{ours}'",
            "max_results": 1,
        }
        found: list[dict[str, Any]] = self._calls.post("runs/search", asked).get("runs", [])
        return found[0] if found else None

    def _create(self, run: Run, experiment_id: str) -> dict[str, Any]:
        tags = {**without_links(run.data.tags), TAG_RUN: run.info.run_id}
        parent = run.parent_run_id
        if parent in self._ids:
            tags[TAG_PARENT_RUN_ID] = self._ids[parent]
        body = {
            "experiment_id": experiment_id,
            "run_name": run.info.run_name,
            "user_id": run.info.user_id,
            "start_time": run.info.start_time,
            "tags": _listed(tags),
        }
        made: dict[str, Any] = self._calls.post("runs/create", body, again=False)["run"]["info"]
        return made

    def _remember(self, ours: str, info: dict[str, Any]) -> None:
        self._ids[ours] = info.get("run_id") or info["run_uuid"]
        self._uris[ours] = info["artifact_uri"]

    def _log(self, run: Run, theirs: str) -> None:
        for params in _portions(iter(_listed(run.data.params)), PAIRS):
            self._calls.post("runs/log-batch", {"run_id": theirs, "params": params})
        points = (
            {
                "key": one.key,
                "value": _number(one.value),
                "timestamp": one.timestamp,
                "step": one.step,
            }
            for one in self._outgoing.history(run)
        )
        for portion in _portions(points, POINTS):
            self._calls.post("runs/log-batch", {"run_id": theirs, "metrics": portion})
            self._counts["points"] += len(portion)
        inputs = [
            {
                "dataset": {
                    field: value
                    for field in ("name", "digest", "source_type", "source", "schema", "profile")
                    if (value := getattr(given.dataset, field)) is not None
                },
                "tags": _listed(given.tags),
            }
            for given in run.inputs.dataset_inputs
        ]
        if inputs:
            self._calls.post("runs/log-inputs", {"run_id": theirs, "datasets": inputs})

    def _send_files(self, run: Run, uri: str) -> None:
        artifacts = self._outgoing.workspace.artifacts(run.info.run_id)
        with tempfile.TemporaryDirectory(prefix="stageline-export-") as made:
            for one in list(artifacts.walk()):
                file = artifacts.download(one.path, made)
                self._put(file, uri, one.path)
                file.unlink()
                self._counts["files"] += 1

    def _put(self, file: Path, uri: str, path: str) -> None:
        if uri.startswith("mlflow-artifacts:"):
            root = uri.removeprefix("mlflow-artifacts:").lstrip("/")
            self._calls.put_artifact(f"{root}/{path}", file)
            return
        place = local_path(uri)
        put_file(open_store(str(place) if place else uri, self._options), file, path)

    # -- the registry -----------------------------------------------------------------------------

    def _version(self, version: ModelVersion) -> None:
        """Versions get the server's next number; which of ours one is, a tag of it says."""
        self._counts["versions"] += 1
        model = self._outgoing.workspace.registry.get(version.name)
        body = {"name": version.name, "description": model.description, "tags": _listed(model.tags)}
        try:
            self._calls.post("registered-models/create", body, again=False)
        except AlreadyExists:
            if self._has_version(version):
                return
        source, run_id = version.source, None
        if version.run_id in self._ids and version.artifact_path:
            run_id = self._ids[version.run_id]
            source = f"{self._uris[version.run_id]}/{version.artifact_path}"
        tags = {**version.tags, TAG_VERSION: str(version.version)}
        asked = {"name": version.name, "source": source, "tags": _listed(tags)}
        asked |= {"description": version.description, **({"run_id": run_id} if run_id else {})}
        made = self._calls.post("model-versions/create", asked, again=False)["model_version"]
        number = made["version"]
        if str(version.version) != number:
            self._notes.append(
                f"version {version.version} of {version.name!r} is version {number} there"
            )
        self._place(version, number)
        self._counts["versions_new"] += 1

    def _has_version(self, version: ModelVersion) -> bool:
        quoted = version.name.replace("'", "''")
        asked = {"filter": f"name = '{quoted}'", "max_results": 1000}
        found = self._calls.pages("model-versions/search", asked, "model_versions", get=True)
        return any(_listed_tag(one, TAG_VERSION) == str(version.version) for one in found)

    def _place(self, version: ModelVersion, number: str) -> None:
        named = {"name": version.name, "version": number}
        if version.current_stage != "None":
            try:
                self._calls.post(
                    "model-versions/transition-stage",
                    {**named, "stage": version.current_stage, "archive_existing_versions": False},
                )
            except (
                StagelineError
            ) as error:  # it has none of our own stages; the version itself is there
                self._notes.append(
                    f"version {version.version} of {version.name!r} is in {version.current_stage} here, but not "
                    f"there: {error}"
                )
        for alias in version.aliases:
            self._calls.post("registered-models/alias", {**named, "alias": alias})


def _portions(things: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while portion := list(islice(things, size)):
        yield portion


def _listed(pairs: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs.items()]


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in run.get("data", {}).get("tags", ())}


def _listed_tag(thing: dict[str, Any], key: str) -> str | None:
    return next((one["value"] for one in thing.get("tags", ()) if one["key"] == key), None)


def _number(value: float) -> float | str:
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
