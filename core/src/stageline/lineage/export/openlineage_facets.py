"""The facets of OpenLineage events: those of the specification, and two of our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.domain.run import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.graph import Node

_FACETS = "https://openlineage.io/spec/facets"
SCHEMAS = {
    "parent": f"{_FACETS}/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
    "errorMessage": f"{_FACETS}/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
    "jobType": f"{_FACETS}/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
    "sourceCodeLocation": f"{_FACETS}/1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet",
    "version": f"{_FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
}
_OWN = {
    "stageline_run": "StagelineRunFacet",
    "stageline_modelVersion": "StagelineModelVersionDatasetFacet",
}
OWN_FILE = "stageline/lineage/export/openlineage_facets.json"
"""Where the schemas of our own facets are, in the distribution that `_producer` names."""

_RUN_FIELDS = {
    "experiment_id": "experimentId",
    "user": "user",
    "orchestrator": "orchestrator",
    "pipeline": "pipeline",
    "pipeline_run": "pipelineRun",
    "task": "task",
    "task_index": "taskIndex",
    "attempt": "attempt",
}
_VERSION_FIELDS = {
    "name": "name",
    "version": "version",
    "stage": "stage",
    "run_id": "runId",
    "artifact_path": "artifactPath",
    "digest": "digest",
}
# user@host:path, as git writes what others write as ssh://user@host/path.
# One letter before the colon is a disk of Windows.
_SCP = re.compile(r"(?P<host>(?:[^/@:]+@)?[^/@:\\]{2,}):(?P<path>[^/\\].*)")


class Facets(NamedTuple):
    """Makes them."""

    producer: str
    namespace: str

    def of_run(self, node: Node, parent: dict[str, Any]) -> dict[str, Any]:
        """A run's facets, whatever became of it."""
        told = node.attributes
        own = {field: told[key] for key, field in _RUN_FIELDS.items() if key in told}
        found = {"stageline_run": {"runId": told["run_id"], **own, "links": dict(node.links)}}
        if parent:
            found["parent"] = parent
        return self._signed(found)

    def of_failure(self, node: Node) -> dict[str, Any]:
        """Why it failed or was killed, if it did."""
        told = node.attributes
        failed = (RunStatus.FAILED.value, RunStatus.KILLED.value)
        if told.get("status") not in failed or not told.get("reason"):
            return {}
        return self._signed(
            {"errorMessage": {"message": told["reason"], "programmingLanguage": "PYTHON"}}
        )

    def of_job(self, node: Node) -> dict[str, Any]:
        """What ran: its kind, and its code where the repository and the commit are known."""
        told = node.attributes
        kind = "TASK" if "task" in told else "PIPELINE" if "pipeline" in told else "RUN"
        found: dict[str, Any] = {
            "jobType": {"processingType": "BATCH", "integration": "STAGELINE", "jobType": kind}
        }
        url = repository_url(told.get("repository", ""))
        if url and "commit" in told:
            place = {
                "type": "git",
                "url": url,
                "repoUrl": told["repository"],
                "version": told["commit"],
                "branch": told.get("branch", ""),
                "path": told.get("entry_point", ""),
            }
            found["sourceCodeLocation"] = {key: value for key, value in place.items() if value}
        return self._signed(found)

    def of_dataset(self, node: Node) -> dict[str, Any]:
        """A dataset's state."""
        return self._signed({"version": {"datasetVersion": node.attributes["digest"]}})

    def of_version(self, node: Node, deployments: Sequence[str]) -> dict[str, Any]:
        """A model version's number, stage, aliases and deployments, as they are now."""
        told = node.attributes
        own: dict[str, Any] = {
            key: told[name] for name, key in _VERSION_FIELDS.items() if name in told
        }
        own["aliases"] = [one for one in told.get("aliases", "").split(",") if one]
        own["deployments"] = list(deployments)
        return self._signed(
            {"version": {"datasetVersion": told["version"]}, "stageline_modelVersion": own}
        )

    def _signed(self, facets: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {"_producer": self.producer, "_schemaURL": self._schema(name), **facet}
            for name, facet in facets.items()
        }

    def _schema(self, name: str) -> str:
        own = _OWN.get(name)
        # A package's URL has the path of a file in it as its fragment; the definition is told by `$defs` in that file.
        return SCHEMAS[name] if own is None else f"{self.producer}#{OWN_FILE}/$defs/{own}"


def job_name(node: Node) -> str:
    """What the run was a run of: the pipeline's task, the pipeline, the script, or else only its own name."""
    told = node.attributes
    task = ".".join(told[key] for key in ("pipeline", "task") if key in told)
    return task or told.get("entry_point") or node.label


def repository_url(repository: str) -> str:
    """A git remote as a URI; empty if it is none.

    >>> repository_url("git@example.com:team/repo.git")
    'ssh://git@example.com/team/repo.git'
    """
    if "://" in repository:
        return repository
    match = _SCP.fullmatch(repository)
    return f"ssh://{match['host']}/{match['path']}" if match else ""
