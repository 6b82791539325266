"""What a run of a project is tagged with, by MLflow's names where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
)

if TYPE_CHECKING:
    from stageline.projects.sources.fetched import Fetched

TAG_ENTRY_POINT = "mlflow.project.entryPoint"
TAG_BACKEND = "mlflow.project.backend"
TAG_STEP = "stageline.project.step"
TAG_COMMAND = "stageline.project.command"
TAG_EXIT_CODE = "stageline.project.exitCode"
TAG_SIGNAL = "stageline.project.signal"
TAG_DURATION = "stageline.project.durationS"
"""Of the command alone: a run's own time holds fetching and building too."""


def project_tags(source: Fetched, entry_point: str | None, backend: str) -> dict[str, str]:
    """The tags that are known before anything runs."""
    tags = {
        TAG_SOURCE_NAME: source.uri,
        TAG_SOURCE_TYPE: "PROJECT",
        TAG_GIT_COMMIT: source.commit,
        TAG_GIT_REPO_URL: source.repo_url,
        TAG_GIT_BRANCH: source.branch,
        TAG_ENTRY_POINT: entry_point,
        TAG_BACKEND: backend,
    }
    return {key: value for key, value in tags.items() if value}
