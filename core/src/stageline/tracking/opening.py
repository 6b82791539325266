"""How runs are begun: a new one, one that goes on, one that many write. Keeps those that this process has open."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from stageline.domain.run import (
    TAG_HOST,
    RunStatus,
)
from stageline.errors import AlreadyExists, NotAllowed, StagelineError, StorageFailed
from stageline.storage import layout
from stageline.storage.local import LocalStore
from stageline.storage.probe import ensure_format
from stageline.tracking.active import ActiveRun
from stageline.tracking.first_record import first_record
from stageline.tracking.reading import RunReader, StoredRun
from stageline.tracking.writer import RunWriter, checked_params

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.clock import Clock
    from stageline.domain.run import Attempt
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.tracking.experiments import Experiments

_log = logging.getLogger("stageline")


class RunOpening:
    """The half of `Runs` that opens them."""

    def __init__(
        self,
        store: ObjectStore,
        experiments: Experiments,
        settings: Settings,
        clock: Clock,
        *,
        spool: Path | None,
    ) -> None:
        self._store = store
        self._experiments = experiments
        self._settings = settings
        self._clock = clock
        self._spool = spool
        self._reader = RunReader(store, spool)
        self._open: dict[str, ActiveRun] = {}
        self._has_warned = False

    def artifact_uri(self, run_id: str) -> str:
        """Where the run's artifacts lie, as a URL that other tools can read."""
        return f"{self._store.url.rstrip('/')}/{layout.run_artifacts(run_id).rstrip('/')}"

    def find_open(self, run_id: str) -> ActiveRun | None:
        """The run's handle if this process writes it, else None."""
        return self._open.get(run_id)

    def open_runs(self) -> list[ActiveRun]:
        """The runs that this process writes."""
        return list(self._open.values())

    # -- opening ----------------------------------------------------------------------------------

    def create(
        self,
        experiment_id: str | None = None,
        *,
        experiment_name: str | None = None,
        run_id: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        parent_run_id: str | None = None,
        start_time: int | None = None,
        owns_end: bool = True,
    ) -> ActiveRun:
        """Begin a run. On a remote store this sends nothing: the run's own thread does.

        Args:
            experiment_id: Where it belongs; the default experiment if neither id nor name is given.
            experiment_name: The same by name. Made if need be, later if the store is away.
            run_id: An id of the caller's choice; the store is then asked at once whether it is free.
            run_name: Its name; invented if not given.
            tags: First tags.
            parent_run_id: The run that this one is nested in.
            start_time: Unix time in milliseconds; now if not given.
            owns_end: False for who writes on behalf of another: the run neither ends nor vanishes with this process.

        Raises:
            AlreadyExists: `run_id` is taken.
            InvalidInput: a name or tag breaks a rule, or the experiment is deleted.
            NotFound: there is no such experiment.
        """
        if experiment_id is not None:
            self._check_experiment(experiment_id)
        elif experiment_name is None:
            experiment_id = DEFAULT_EXPERIMENT_ID
        else:
            experiment_id = self._id_of(experiment_name)
        started = self._begun(
            names.check_run_id(run_id) if run_id else new_run_id(),
            experiment_id,
            experiment_name,
            run_name=run_name,
            tags=tags,
            parent_run_id=parent_run_id,
            start_time=start_time,
        )
        if not owns_end and TAG_HOST not in (tags or {}):
            del started.tags[TAG_HOST]  # it does not happen here
        active = self._activate(started, owns_end=owns_end)
        if run_id is not None:
            self._claim(active)
        return active

    def resume(
        self, run_id: str, *, attempt: int | None = None, owns_end: bool = True
    ) -> ActiveRun:
        """Go on with a run that is in the store; it is running again.

        Args:
            run_id: The run.
            attempt: Which try of the run this is; metrics of each try are kept apart. The latest if not given.
            owns_end: False for one of several ranks: with this process the run neither ends nor counts as vanished.

        Raises:
            NotFound: there is no such run.
            NotAllowed: it is deleted.
        """
        if run_id in self._open and not self._open[run_id].is_ended:
            return self._open[run_id]
        stored = self._reader.get(names.check_run_id(run_id))
        self._refuse_deleted(stored)
        summary = stored.summary
        began, stamp = summary.started or (self._clock.now_ms(), self._clock.stamp())
        started = ev.Started(stamp, run_id, summary.experiment_id, None, began)
        active = self._activate(
            started,
            attempt=attempt or max(summary.attempts, default=1),
            owns_end=owns_end,
            claims_id=False,
            params={key: value for key, (_, value) in summary.params.items()},
        )
        active.remember(stored)
        if owns_end and not summary.is_running:
            active.record(ev.StatusSet(self._clock.stamp(), RunStatus.RUNNING))
        return active

    def join(
        self,
        run_id: str,
        *,
        experiment_name: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        parent_run_id: str | None = None,
        attempt: int = 1,
        owns_end: bool = True,
        keeps_params: bool = True,
        was_set_aside: bool = False,
        params: Mapping[str, Any] | None = None,
        noted: Attempt | None = None,
    ) -> ActiveRun:
        """Write a run whose id all who write it derive alike, whether or not one of them has begun it. Asks nobody.

        Params, and how an attempt stands, are said by the write that begins the log; where one breaks a rule, there
        is none.
        """
        experiment_id: str | None = DEFAULT_EXPERIMENT_ID
        if experiment_name:  # on a remote store its id can wait: the run's own thread asks for it
            known = self._experiments.known_id(names.check_experiment_name(experiment_name))
            experiment_id = known or (None if self._spool else self._id_of(experiment_name))
        started = self._begun(
            names.check_run_id(run_id),
            experiment_id,
            experiment_name,
            run_name=run_name,
            tags=tags,
            parent_run_id=parent_run_id,
        )
        texts = checked_params(params) if params and keeps_params else {}
        told: list[ev.AnyEvent] = []
        if (attempt > 1 and owns_end) or was_set_aside:
            # Whoever saw the attempt before fail may have concluded that the run is over; and one that waits says so.
            told.append(ev.StatusSet(self._clock.stamp(), RunStatus.RUNNING))
        if noted is not None:
            told.append(ev.AttemptNoted(self._clock.stamp(), noted))
        if texts:
            told.append(ev.ParamsLogged(self._clock.stamp(), texts))
        return self._activate(
            started,
            attempt=attempt,
            owns_end=owns_end,
            keeps_params=keeps_params,
            params=texts,
            told=told,
        )

    def _begun(self, *what: Any, **more: Any) -> ev.Started:
        return first_record(*what, **more, user=self._settings.user, clock=self._clock)

    def _activate(self, started: ev.Started, **how: Any) -> ActiveRun:
        store = self._store
        if self._spool is None:
            ensure_format(store, self._clock)
            assert isinstance(store, LocalStore)
            folder = f"{store.url}/{layout.run_log(started.run_id)}"
            claim = store.claim
        else:
            folder, claim = os.fspath(self._spool), None
        writer = RunWriter(
            store,
            folder,
            self._clock,
            self._resolve,
            started,
            sync_each=self._settings.durability == "fsync",
            lies_in_store=self._spool is None,
            claim=claim,
            **how,
        )
        if self._spool is None:
            writer.stream.begin_in_store()
        active = ActiveRun(
            writer, self._settings, self.artifact_uri(started.run_id), self.warn_away, self._forget
        )
        self._open[started.run_id] = active
        return active

    def _resolve(self, experiment_name: str) -> str:
        known = self._experiments.known_id(experiment_name)
        return known or self._experiments.get_or_create(experiment_name).experiment_id

    def _claim(self, active: ActiveRun) -> None:
        """Find out at once whether a chosen id was free; a store that is away is asked later."""
        try:
            active.stream.ship_start()
            owner = self._reader.start_writer(active.run_id)
        except StorageFailed as error:
            self.warn_away(error)
            return
        if owner != active.stream.head.writer:
            active.abandon()
            raise AlreadyExists(
                f"a run with the id {active.run_id} exists: resume it with `start_run(run_id=...)`, "
                "or choose another id"
            )

    def _forget(self, active: ActiveRun) -> None:
        if self._open.get(active.run_id) is active:
            del self._open[active.run_id]

    def warn_away(self, error: StagelineError) -> None:
        """Say, once, that the store is away and that nothing is lost by it."""
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "the store %s is away (%s). What is logged is kept on this machine and sent when it is back, "
                "or by `stageline sync`",
                self._store.url, error,
            )  # fmt: skip

    # -- experiments of runs ----------------------------------------------------------------------

    def _id_of(self, experiment_name: str) -> str | None:
        names.check_experiment_name(experiment_name)
        try:
            return self._experiments.get_or_create(experiment_name).experiment_id
        except StorageFailed as error:
            self.warn_away(error)
            return None

    def _check_experiment(self, experiment_id: str) -> None:
        if experiment_id == DEFAULT_EXPERIMENT_ID:
            return
        try:
            self._experiments.check_active(experiment_id)
        except StorageFailed as error:
            self.warn_away(error)

    def _refuse_deleted(self, stored: StoredRun) -> None:
        if stored.summary.is_deleted:
            raise NotAllowed(
                f"The run {stored.summary.run_id} must be in the 'active' state. Current state is deleted. "
                f"Restore it with `stageline runs restore {stored.summary.run_id}`"
            )
