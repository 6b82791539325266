"""What all requests to one worker share: the store, the runs that it writes, and its regular duties."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.run import ViewType
from stageline.errors import NotFound, StagelineError
from stageline.server.histories import Histories
from stageline.server.open_runs import OpenRuns
from stageline.server.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stageline.workspace import Workspace

PUBLISH_LOCAL_S, PUBLISH_REMOTE_S = 1.0, 10.0
"""Seconds until a search that another worker answers knows what was logged here; a bucket is paid by the request."""
DELIVER_LOCAL_S, DELIVER_REMOTE_S = 2.0, 15.0
"""Seconds until webhooks are told of what happened in the registry; without webhooks, one listing."""
MOST_HOMES = 10_000
MOST_LOOKS = 50
"""Experiments that are looked for one by one."""
SWEEP_S = 30.0
SYNC_S = 60.0

_log = logging.getLogger("stageline")


class ModelHome(NamedTuple):
    """Where a logged model lies."""

    experiment_id: str
    run_id: str | None
    """The run among whose artifacts its files are; None: they have a folder of their own."""
    path: str
    """Among those."""


class Replica:
    """One worker's share of the server. Safe from many threads; `start` and `close` once."""

    def __init__(self, workspace: Workspace, options: Options | None = None) -> None:
        self.workspace = workspace
        self.options = options or Options()
        self.runs = OpenRuns(workspace, self.options.limits)
        self.histories = Histories(workspace)
        self.is_quick = workspace.settings.durability == "os" and (
            self.options.durability == "log" or workspace.spool is None
        )
        """Whether a record is told of once the kernel has it: then no thread is needed to wait for more."""
        self.secrets = (workspace.store.url,)
        """What no message to a client may hold."""
        self._experiments: set[str] = set()
        self._homes: OrderedDict[str, str] = OrderedDict()
        self._model_homes: OrderedDict[str, ModelHome] = OrderedDict()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin the regular duties."""
        duties: list[tuple[Callable[[], object], float]] = [
            (self.runs.publish, PUBLISH_REMOTE_S if self.workspace.spool else PUBLISH_LOCAL_S),
            (self.runs.sweep, SWEEP_S),
            (self.workspace.sync, SYNC_S),
            (self.deliver, DELIVER_REMOTE_S if self.workspace.spool else DELIVER_LOCAL_S),
        ]
        for duty, every_s in duties:
            name = f"stageline-{duty.__name__}"
            thread = threading.Thread(target=self._repeat, args=(duty, every_s), name=name)
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End the duties, and put all that was logged into the store."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self.runs.close()

    def deliver(self) -> None:
        """Tell the webhooks what they have not been told, as MLflow's server does; several may do so at once."""
        webhooks = self.workspace.webhooks
        if any(one.is_active for one in webhooks.list()):
            webhooks.deliver(stop=self._stopped)

    def known_experiments(self, experiment_ids: Sequence[str]) -> list[str]:
        """Those that exist: a search in one that does not would look for its runs among all of the store."""
        unknown = [one for one in dict.fromkeys(experiment_ids) if one not in self._experiments]
        if len(unknown) > MOST_LOOKS:  # rather than a request to the store for each
            everything = self.workspace.experiments.list(ViewType.ALL)
            self._experiments.update(one.experiment_id for one in everything)
        else:
            for experiment_id in unknown:
                with suppress(NotFound):
                    self.workspace.experiments.get(experiment_id)
                    self._experiments.add(experiment_id)
        return [each for each in experiment_ids if each in self._experiments]

    def experiment_of(self, run_id: str) -> str:
        """The id of a run's experiment, which never changes. Raises `NotFound`."""
        known = self._homes.get(run_id)
        if known is None:
            known = self.workspace.runs.get(run_id).info.experiment_id
            self._homes[run_id] = known
            while len(self._homes) > MOST_HOMES:
                self._homes.popitem(last=False)
        return known

    def model_home(self, model_id: str) -> ModelHome:
        """Where a logged model lies, which never changes. Raises `NotFound`."""
        known = self._model_homes.get(model_id)
        if known is None:
            model = self.workspace.logged_models.get(model_id, even_deleted=True)
            known = ModelHome(model.experiment_id, model.artifact_run_id, model.artifact_path or "")
            self._model_homes[model_id] = known
            while len(self._model_homes) > MOST_HOMES:
                self._model_homes.popitem(last=False)
        return known

    def settle(self, run_id: str) -> None:
        """What an answer promises of the records just written: with `store`, that they are there."""
        held = self.runs.held.get(run_id)
        if self.options.durability == "store" and held is not None and held.active is not None:
            stream = held.active.stream
            if not stream.lies_in_store:
                stream.ship()

    def _repeat(self, duty: Callable[[], object], every_s: float) -> None:
        pause = 0.0 if duty == self.workspace.sync else every_s  # others' logs wait long enough
        while not self._stopped.wait(pause):
            pause = every_s
            try:
                duty()
            except StagelineError as error:
                _log.warning("%s: %s; it is tried again", threading.current_thread().name, error)
            except Exception:  # a fault in one round must not end the duty for good
                _log.exception("%s failed; it is tried again", threading.current_thread().name)
