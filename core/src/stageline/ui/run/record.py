"""All that the page of a run shows, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.logged_model import LINK
from stageline.domain.run import TAG_NOTE, LifecycleStage, Run
from stageline.errors import NotFound
from stageline.ui.run.courses import Courses, read_courses
from stageline.ui.run.family import Family, read_family
from stageline.ui.run.models import ReadAndMade, read_and_made
from stageline.ui.run.origin import Origin, origin_of, safe_url
from stageline.ui.run.output import Tail, read_tail
from stageline.ui.run.work import attempt_ms, worked_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.artifact import StoredFile
    from stageline.domain.run import Attempt
    from stageline.tracking.reading import StoredRun
    from stageline.workspace import Workspace

_SYSTEM_TAGS = ("mlflow.", "stageline.", "prefect.", "airflow.")


class ShownAttempt(NamedTuple):
    """One try."""

    attempt: Attempt
    duration_ms: int
    links: list[tuple[str, str]]
    """Pages about it, by what they are; only such as may be linked to."""


class RunHead(NamedTuple):
    """What stands above every page of a run: who it is."""

    run: Run
    experiment: str
    stored: StoredRun
    files: dict[str, StoredFile]

    @property
    def is_deleted(self) -> bool:
        """Whether it waits to be collected."""
        return self.run.info.lifecycle_stage is LifecycleStage.DELETED

    @property
    def size(self) -> int:
        """Bytes of all files that the manifest knows."""
        return sum(file.size for file in self.files.values())


class RunRecord(NamedTuple):
    """The run and what is around it."""

    head: RunHead
    worked_ms: int
    origin: Origin
    courses: Courses
    attempts: list[ShownAttempt]
    family: Family
    things: ReadAndMade
    tail: Tail
    note: str
    """The description, in Markdown."""
    own_tags: dict[str, str]
    system_tags: dict[str, str]


def read_head(workspace: Workspace, run_id: str) -> RunHead:
    """A run without what is around it. Raises `NotFound`."""
    stored = workspace.runs.stored(run_id)
    run = stored.summary.to_run(workspace.runs.artifact_uri(run_id))
    files = {path: file for path, file in sorted(stored.files.items()) if file.sha256 is not None}
    return RunHead(run, experiment_name(workspace, run), stored, files)


def read_record(
    workspace: Workspace,
    run_id: str,
    *,
    shows_experiment: Callable[[str], bool] = lambda name: True,
    shows_model: Callable[[str], bool] = lambda name: True,
) -> RunRecord:
    """A run with all that its page shows.

    Args:
        workspace: The store.
        run_id: The run, which its reader may see.
        shows_experiment: Whether they may see the runs of another experiment, by its name: a tag may point there.
        shows_model: Whether they may see a registered model.

    Raises:
        NotFound: there is no such run.
    """
    head = read_head(workspace, run_id)
    run, stored, now_ms = head.run, head.stored, workspace.clock.now_ms()
    family = read_family(workspace, run, now_ms)
    parent = family.parent
    if parent is not None and parent.info.experiment_id != run.info.experiment_id:
        is_shown = shows_experiment(experiment_name(workspace, parent))
        family = family if is_shown else family._replace(parent=None)
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith(LINK)}
    return RunRecord(
        head=head,
        worked_ms=worked_ms(workspace, stored, run, now_ms),
        origin=origin_of(run, family.parent),
        courses=read_courses(workspace, stored, run),
        attempts=[_shown(attempt, now_ms) for attempt in run.attempts],
        family=family,
        things=read_and_made(workspace, run, head.files, shows_model),
        tail=read_tail(workspace, stored),
        note=tags.pop(TAG_NOTE, ""),
        own_tags={key: value for key, value in tags.items() if not is_system_tag(key)},
        system_tags={key: value for key, value in tags.items() if is_system_tag(key)},
    )


def is_system_tag(key: str) -> bool:
    """Whether a program set it, for programs to read."""
    return key.startswith(_SYSTEM_TAGS)


def _shown(attempt: Attempt, now_ms: int) -> ShownAttempt:
    pages = ((name, safe_url(url)) for name, url in attempt.links.items())
    links = [(name, url) for name, url in pages if url is not None]
    return ShownAttempt(attempt, attempt_ms(attempt, now_ms), links)


def experiment_name(workspace: Workspace, run: Run) -> str:
    """Of a run; the id where it has none."""
    try:
        return workspace.experiments.get(run.info.experiment_id).name
    except NotFound:  # collected, or not yet named
        return run.info.experiment_id
