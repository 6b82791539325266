"""The composition root: from a store's URL to a working object graph. Nothing below knows that it exists."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.settings import Settings, load_settings
from stageline.storage.open import open_store
from stageline.storage.options import Patience
from stageline.tracking.experiments import Experiments
from stageline.tracking.first_record import login_name
from stageline.tracking.runs import Runs
from stageline.workspace.searching import Searching
from stageline.workspace.spooling import spool_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.lineage.lineage import Lineage
    from stageline.models.logged import Models
    from stageline.projects.running import Projects
    from stageline.registry.registry import Registry
    from stageline.registry.webhooks import Webhooks
    from stageline.storage.options import StorageOptions
    from stageline.storage.port import ObjectStore
    from stageline.storage.transfer import Progress
    from stageline.tracking.artifacts import RunArtifacts
    from stageline.tracking.collect import Collector
    from stageline.tracking.logged_models import LoggedModels


class Workspace(Searching):
    """A store, opened: `experiments`, `runs`, and search over both. Safe from many threads; cheap to keep."""

    def __init__(
        self,
        store: ObjectStore,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        storage_options: StorageOptions | None = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.clock = clock
        self._storage_options = storage_options
        self.spool = spool_of(store, settings)
        self.experiments = Experiments(store, clock, settings.user or login_name())
        self.runs = Runs(store, self.experiments, settings, clock, spool=self.spool)
        self.runs.check_deletable = lambda run_id: self.registry.check_run_unprotected(run_id)

    @classmethod
    def open(cls, url: str | Path | None = None, **settings: Any) -> Workspace:
        """Open the store at `url`, or the one that the settings name. Sends no request.

        Args:
            url: A folder, or any URL that fsspec knows.
            settings: Any setting by name. `storage_options` may also be a function that returns them: it is asked
                when the store is first used, and again when the store refuses what it gave, as when it has expired.

        Raises:
            InvalidInput: nothing here can open the URL, or a setting is wrong.
        """
        given = {**settings, **({"store": str(url)} if url is not None else {})}
        look_up = given.get("storage_options")
        if callable(look_up):
            del given["storage_options"]
        chosen = load_settings(given=given)
        options = look_up if callable(look_up) else chosen.storage_options
        store = open_store(chosen.store, options, chosen.durability, patience_of(chosen))
        return cls(store, chosen, storage_options=options)

    def __repr__(self) -> str:
        return f"Workspace({self.store.url!r})"

    @property
    def storage_options(self) -> Mapping[str, Any]:
        """fsspec's options for this store and others of its kind, as they are now. May hold credentials."""
        options = self._storage_options
        return options() if callable(options) else options or self.settings.storage_options

    # -- the registry -----------------------------------------------------------------------------

    @cached_property
    def registry(self) -> Registry:
        """Registered models, their versions and stages."""
        # Late: most processes log, and promote nothing.
        from stageline.registry.facts import RunFacts
        from stageline.registry.registry import Registry

        facts = RunFacts(self.store, self.runs)
        actor = self.settings.user or login_name()
        return Registry.of(self.store, self.clock, facts, actor, home=self)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Who is told what happens in the registry."""
        # Late: few processes tell anybody.
        from stageline.registry.webhooks import Webhooks

        return Webhooks(self.store, self.clock, self.settings, self.settings.user or login_name())

    # -- other stores -----------------------------------------------------------------------------

    def beside(self, url: str) -> Workspace:
        """The workspace at another URL, with the settings of this one. Raises `InvalidInput`."""
        chosen = msgspec.structs.replace(self.settings, store=url)
        options = self._storage_options or chosen.storage_options
        store = open_store(url, options, chosen.durability, patience_of(chosen))
        return Workspace(store, chosen, self.clock, options)

    def copy_run(
        self,
        run_id: str,
        to: Workspace,
        *,
        folder: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Copy a run to another workspace; its id there. See `tracking.copying.copy_run`."""
        from stageline.tracking.copying import Side, copy_run

        here, there = (Side(w.store, w.runs, w.experiments, w.clock) for w in (self, to))
        return copy_run(here, there, run_id, folder=folder, progress=progress)

    # -- files ------------------------------------------------------------------------------------

    def artifacts(self, run_id: str) -> RunArtifacts:
        """The files of a run."""
        # Late: a run that logs no file has no use for it.
        from stageline.tracking.artifacts import RunArtifacts

        active = self.runs.find_open(run_id)
        waiting = active.stream.spooled_files if active and self.spool else None
        return RunArtifacts(
            self.store,
            run_id,
            note=lambda files: self.runs.note_files(run_id, files),
            known=lambda: self.runs.files(run_id),
            spool=waiting,
        )

    # -- models -----------------------------------------------------------------------------------

    @cached_property
    def models(self) -> Models:
        """The models of runs: logged, and loaded by URI."""
        # Late: a run that logs no model has no use for YAML and all that.
        from stageline.models.logged import Models

        return Models(
            self.artifacts,
            lambda: self.registry,
            allow_pickle=self.settings.allow_pickle,
            storage_options=lambda: self.storage_options,
            logged=lambda: self.logged_models,
        )

    @cached_property
    def logged_models(self) -> LoggedModels:
        """Models with an id of their own before any registry knows them, as MLflow's clients log them."""
        # Late: few processes have such.
        from stageline.tracking.logged_models import LoggedModels

        return LoggedModels(self.store, self.runs, self.clock)

    # -- lineage ----------------------------------------------------------------------------------

    @cached_property
    def lineage(self) -> Lineage:
        """What came from what: datasets, runs, versions, stages, deployments."""
        # Late: who logs asks for no graph.
        from stageline.lineage.lineage import Lineage
        from stageline.lineage.records import Sources

        return Lineage(
            Sources(
                experiments=self.experiments,
                runs=self.runs,
                registry=lambda: self.registry,
                search=lambda: self.index,
                url=self.store.url,
            )
        )

    # -- projects ---------------------------------------------------------------------------------

    @cached_property
    def projects(self) -> Projects:
        """Code from anywhere, run as tracked runs of this store."""
        # Late: few processes start others.
        from stageline.projects.running import Projects

        return Projects(
            self.store,
            self.runs,
            self.settings,
            artifacts=self.artifacts,
            fetch_model=lambda uri, folder: self.models.fetch(uri, folder),
            storage_options=lambda: self.storage_options,
        )

    # -- care -------------------------------------------------------------------------------------

    def collector(self) -> Collector:
        """What removes deleted runs and experiments for good."""
        from stageline.tracking.collect import Collector

        return Collector(self.store, self.experiments, self.runs, self.index, self.clock)

    def sync(self) -> list[Any]:
        """Ship what dead processes of this machine left for this store; see `Reaper.sync`."""
        return self.runs.reaper.sync()


def patience_of(settings: Settings) -> Patience:
    """How long a store over a network is waited for, as the settings say."""
    return Patience(settings.retry_for_s, settings.reach_for_s)
