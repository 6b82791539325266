"""From what a user typed to a run or an experiment: ids, beginnings of ids, names, and the nearest names for typos."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from stageline.domain.run import LifecycleStage, ViewType
from stageline.errors import InvalidInput, NotFound
from stageline.storage import layout

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment
    from stageline.domain.run import Run
    from stageline.workspace import Workspace

SHORTEST_PREFIX = 6
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_EXPERIMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAMED = "name:"
_SHOWN = 5


def find_run(workspace: Workspace, text: str) -> str:
    """The id of the run that `text` means: an id, at least six characters of its beginning, or a name.

    `name:` before a name that looks like an id says that it is none. Of several, those that are not deleted count.

    Raises:
        NotFound: there is no such run; the nearest names are told.
        InvalidInput: several runs begin so, or are called so.
    """
    if not text.startswith(_NAMED):
        if _ID.fullmatch(text) and workspace.store.list(layout.run_log(text), limit=1):
            return text
        if len(text) >= SHORTEST_PREFIX and _ID.fullmatch(text):
            similar = _matching(workspace, "run_id", text, "%")
            beginning = [run for run in similar if run.info.run_id.startswith(text)]
            if beginning:
                return _only(
                    beginning, f"runs have an id that begins with {text!r}: type more of it"
                )
    name = text.removeprefix(_NAMED)
    named = [run for run in _matching(workspace, "run_name", name) if run.info.run_name == name]
    if named:
        return _only(named, f"runs are named {name!r}: give an id")
    raise NotFound(_unknown_run(workspace, name))


def find_experiment(workspace: Workspace, text: str) -> Experiment:
    """The experiment with that name or id. Raises `NotFound`, with the nearest names."""
    found = workspace.experiments.find_by_name(text)
    if found is not None:
        return found
    if _EXPERIMENT_ID.fullmatch(text):
        try:
            return workspace.experiments.get(text)
        except NotFound:
            pass
    names = [experiment.name for experiment in workspace.experiments.list(ViewType.ALL)]
    raise NotFound(
        f"no experiment has the name or id {text!r} in {workspace.store.url}{_near(text, names)}: "
        "`stageline experiments list` shows what is there"
    )


def every_run(
    workspace: Workspace,
    experiment_ids: Sequence[str],
    filter_string: str = "",
    view: ViewType = ViewType.ACTIVE_ONLY,
) -> Iterator[Run]:
    """All runs that match, page by page."""
    token: str | None = None
    while experiment_ids:
        page = workspace.search_runs(experiment_ids, filter_string, view, 1000, (), token)
        yield from page
        token = page.token
        if token is None:
            return


def all_experiments(workspace: Workspace) -> list[str]:
    """The ids of all experiments, deleted ones too."""
    return [experiment.experiment_id for experiment in workspace.experiments.list(ViewType.ALL)]


def _matching(workspace: Workspace, attribute: str, text: str, end: str = "") -> list[Run]:
    # Quotes can not be escaped in the language: "_" stands for any character, and the caller compares.
    pattern = re.sub(r"['%\\]", "_", text) + end
    ids = all_experiments(workspace)
    return list(every_run(workspace, ids, f"attributes.{attribute} LIKE '{pattern}'", ViewType.ALL))


def _only(runs: list[Run], otherwise: str) -> str:
    active = [run for run in runs if run.info.lifecycle_stage is LifecycleStage.ACTIVE]
    meant = active or runs
    if len(meant) == 1:
        return meant[0].info.run_id
    shown = ", ".join(f"{run.info.run_id} ({run.info.run_name})" for run in meant[:_SHOWN])
    more = ", ..." if len(meant) > _SHOWN else ""
    raise InvalidInput(f"{len(meant)} {otherwise}. They are {shown}{more}")


def _unknown_run(workspace: Workspace, name: str) -> str:
    page = workspace.search_runs(all_experiments(workspace), view=ViewType.ALL, max_results=10_000)
    return (
        f"no run has the id or name {name!r} in {workspace.store.url}"
        f"{_near(name, (run.info.run_name for run in page))}. A run is called by its id, by {SHORTEST_PREFIX} or more "
        "characters of its beginning, or by its name: `stageline runs search` shows them all"
    )


def _near(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, set(names), n=3)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
