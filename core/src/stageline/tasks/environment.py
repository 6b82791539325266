"""How whatever a task starts finds the task's run: by variables, see docs/design/006.

`run_environment` names a run to one process that is started. What inherits the environment without being told is
another matter: it belongs to the whole process, in which many tasks may run. `NamedInEnvironment` sets it only as
long as one line of execution, on the process's main thread or in a worker process, has a run open in this process.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from stageline.errors import StorageFailed
from stageline.tracking import inheritance

if TYPE_CHECKING:
    from stageline.tasks.session import Session, TaskWorkspace
    from stageline.tracking.active import ActiveRun

_OPTIONS = "STAGELINE_STORAGE_OPTIONS"
_SECRET = _OPTIONS
"""For a process that is named one by one, not for all that may look at this one's environment."""

_RUN_IDS = ("STAGELINE_RUN_ID", "MLFLOW_RUN_ID")

Line = tuple[int, int]
"""A thread, and the asyncio task in it: within one of them a run lies inside the run before."""

_lines: dict[Line, list[tuple[ActiveRun, Session]]] = {}
_lock = threading.Lock()
_known: WeakKeyDictionary[TaskWorkspace, dict[str, dict[str, str]]] = WeakKeyDictionary()


def run_environment(
    run: ActiveRun, workspace: TaskWorkspace, experiment_name: str | None = None
) -> dict[str, str]:
    """The variables by which a process joins `run`: its id, store and experiment, and the store's options as of now.

    MLflow's own names are among them if the settings name a server that speaks its protocol. Give them to the
    process together with what else it needs: `env={**os.environ, **run_environment(...)}`.
    """
    if not run.stream.lies_in_store:
        # Who joins a run looks for it in the store; one that is away is asked again by whoever needs it.
        with suppress(StorageFailed):
            run.stream.ship_start()
    found = _variables(run, workspace, experiment_name)
    options = workspace.storage_options
    return {**found, _OPTIONS: json.dumps(dict(options))} if options else found


class NamedInEnvironment:
    """Names `run` in this process's environment inside the block, wherever nobody could be misled by it."""

    __slots__ = ("_line", "_run", "_session")

    def __init__(self, run: ActiveRun, session: Session) -> None:
        self._run = run
        self._session = session
        self._line = _line()

    def __enter__(self) -> None:
        with _lock:
            mine = _lines.setdefault(self._line, [])
            mine.append((self._run, self._session))
            try:
                _show()
            except BaseException:
                self._leave(mine)
                raise

    def __exit__(self, *failure: object) -> None:
        with _lock:
            self._leave(_lines[self._line])
            _show()

    def _leave(self, mine: list[tuple[ActiveRun, Session]]) -> None:
        mine.pop()
        if not mine:
            del _lines[self._line]


def _show() -> None:
    wanted: dict[str, str] = {}
    if len(_lines) == 1:
        (line,) = _lines
        if line[0] == threading.main_thread().ident or multiprocessing.parent_process() is not None:
            run, session = _lines[line][-1]
            wanted = _variables(run, session.workspace, session.experiment)
            wanted.pop(_SECRET, None)
    inheritance.show(wanted)


def _variables(
    run: ActiveRun, workspace: TaskWorkspace, experiment_name: str | None
) -> dict[str, str]:
    # All but the run's id is the same for the next task: finding it out takes longer than setting it.
    by_experiment = _known.setdefault(workspace, {})
    experiment = run.experiment_id or f"{experiment_name}="
    known = by_experiment.get(experiment)
    if known is None:
        from stageline.projects.variables import run_variables  # late: most tasks start nothing

        known = by_experiment[experiment] = run_variables(
            run.run_id,
            run.experiment_id,
            experiment_name,
            workspace.settings,
            inheritance.inherited_environment(),
        )
        if run.stream.lies_in_store:  # settings may have a path that is relative to another folder
            known["STAGELINE_STORE"] = run.stream.store.url
    found = dict(known)
    for name in _RUN_IDS:
        if name in found:
            found[name] = run.run_id
    return found


def _line() -> Line:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs here
        task = None
    return threading.get_ident(), 0 if task is None else id(task)
