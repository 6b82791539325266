"""Where a run comes from: its task and flow, its commit and source, out of the tags and links that tasks leave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_HOST,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
)
from stageline.domain.task_tags import (
    TAG_CACHED_FROM,
    TAG_ORCHESTRATOR,
    TAG_PIPELINE,
    TAG_PIPELINE_RUN,
    TAG_SKIPPED,
    TAG_TASK,
    TAG_TASK_INDEX,
)
from stageline.lineage.nodes import run_links
from stageline.projects.tags import TAG_BACKEND, TAG_COMMAND, TAG_ENTRY_POINT, TAG_EXIT_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.run import Run

_SHORT = re.compile(r"(?:ssh://)?(?:[\w.-]+@)([\w.-]+)[:/](.+)")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_COMMIT_PAGES = {
    "github": "commit",
    "gitlab": "-/commit",
    "bitbucket": "commits",
    "gitea": "commit",
}
"""What a host calls the page of a commit (the addresses that these hosts document)."""


class Origin(NamedTuple):
    """What is known; empty where nothing is. URLs are safe to link to."""

    orchestrator: str = ""
    pipeline: str = ""
    pipeline_run: str = ""
    pipeline_url: str | None = None
    """The orchestrator's page of the flow or DAG run."""
    task: str = ""
    task_index: str = ""
    task_url: str | None = None
    attempt: int | None = None
    commit: str = ""
    commit_url: str | None = None
    branch: str = ""
    is_dirty: bool = False
    repository: str = ""
    repository_url: str | None = None
    source: str = ""
    source_type: str = ""
    entry_point: str = ""
    backend: str = ""
    command: str = ""
    exit_code: str = ""
    host: str = ""
    cached_from: str = ""
    skipped: str = ""


def origin_of(run: Run, parent: Run | None = None) -> Origin:
    """What a run's tags and attempts, and those of the run around it, say of where it comes from."""
    tags = run.data.tags
    task = tags.get(TAG_TASK, "")
    own = safe_url(next(iter(run_links(run).values()), ""))
    repository = tags.get(TAG_GIT_REPO_URL, "")
    commit = tags.get(TAG_GIT_COMMIT, "")
    return Origin(
        orchestrator=tags.get(TAG_ORCHESTRATOR, ""),
        pipeline=tags.get(TAG_PIPELINE, ""),
        pipeline_run=tags.get(TAG_PIPELINE_RUN, ""),
        pipeline_url=_pipeline_url(own, tags, parent) if task else own,
        task=task,
        task_index=tags.get(TAG_TASK_INDEX, ""),
        task_url=own if task else None,
        attempt=run.attempts[-1].number if run.attempts else None,
        commit=commit,
        commit_url=commit_url(repository, commit),
        branch=tags.get(TAG_GIT_BRANCH, ""),
        is_dirty=tags.get(TAG_GIT_DIRTY, "").lower() == "true",
        repository=_shown_repository(repository),
        repository_url=_repository_page(repository),
        source=tags.get(TAG_SOURCE_NAME, ""),
        source_type=tags.get(TAG_SOURCE_TYPE, ""),
        entry_point=tags.get(TAG_ENTRY_POINT, ""),
        backend=tags.get(TAG_BACKEND, ""),
        command=tags.get(TAG_COMMAND, ""),
        exit_code=tags.get(TAG_EXIT_CODE, ""),
        host=tags.get(TAG_HOST, ""),
        cached_from=tags.get(TAG_CACHED_FROM, ""),
        skipped=tags.get(TAG_SKIPPED, ""),
    )


def safe_url(text: str) -> str | None:
    """The URL, if it is one of the web that a page may link to: no script, no credentials.

    >>> safe_url("https://airflow.example/dags/x"), safe_url("javascript:alert(1)"), safe_url("https://me:pw@host/")
    ('https://airflow.example/dags/x', None, 'https://host/')
    """
    if _NOT_IN_URLS.search(text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def commit_url(repository: str, commit: str) -> str | None:
    """The page of a commit, where the host's way of naming it is known.

    >>> commit_url("git@github.com:acme/wine.git", "0123abc"), commit_url("https://git.example/x", "0123abc")
    ('https://github.com/acme/wine/commit/0123abc', None)
    """
    page = _repository_page(repository)
    if page is None or not _COMMIT.fullmatch(commit):
        return None
    host = urlsplit(page).hostname or ""
    kind = next((name for name in _COMMIT_PAGES if name in host), None)
    return f"{page}/{_COMMIT_PAGES[kind]}/{commit}" if kind else None


def _repository_page(repository: str) -> str | None:
    short = _SHORT.fullmatch(repository)
    url = f"https://{short[1]}/{short[2]}" if short else repository
    return safe_url(url.removesuffix("/").removesuffix(".git"))


def _shown_repository(repository: str) -> str:
    return safe_url(repository) or repository.rpartition("@")[2]


def _pipeline_url(own: str | None, tags: Mapping[str, str], parent: Run | None) -> str | None:
    if parent is not None and parent.data.tags.get(TAG_PIPELINE_RUN) == tags.get(TAG_PIPELINE_RUN):
        of_parent = safe_url(next(iter(run_links(parent).values()), ""))
        if of_parent is not None:
            return of_parent
    # Airflow's page of a task instance lies under that of its DAG run.
    page, separator, _ = (own or "").partition("/tasks/")
    return page if separator and tags.get(TAG_ORCHESTRATOR) == "airflow" else None
