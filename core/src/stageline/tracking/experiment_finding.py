"""Experiments as they are found: by id, by name, all of them; and who holds a name."""

from __future__ import annotations

from stageline.domain import names
from stageline.domain.document import encode_document
from stageline.domain.experiment import (
    Experiment,
    NameClaim,
)
from stageline.domain.ids import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    new_txn,
)
from stageline.domain.run import LifecycleStage, ViewType
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.tracking.experiment_journals import ExperimentJournals

TRUSTED_MS = 60_000
"""How long an experiment that was seen active counts as active when runs begin in it."""
TURNS = 50
"""A writer that loses so many races in a row is told so."""


class ExperimentFinding(ExperimentJournals):
    """The half of `Experiments` that writes nothing but the claims of names."""

    def get(self, experiment_id: str) -> Experiment:
        """The experiment. Raises `NotFound`."""
        return self._entry(names.check_experiment_id(experiment_id)).state

    def check_active(self, experiment_id: str) -> None:
        """Refuse an experiment that is deleted; asks the store at most once in `TRUSTED_MS`.

        Raises:
            InvalidInput: it is deleted.
            NotFound: there is no such experiment.
        """
        stage, at = self._seen.get(experiment_id, (LifecycleStage.DELETED, 0))
        if stage is LifecycleStage.DELETED or self._clock.now_ms() - at > TRUSTED_MS:
            stage = self.get(experiment_id).lifecycle_stage
        if stage is LifecycleStage.DELETED:
            raise InvalidInput(
                f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted. "
                f"Restore it with `stageline experiments restore {experiment_id}`"
            )

    def known_id(self, name: str) -> str | None:
        """The id of an active experiment that was seen under this name within `TRUSTED_MS`; asks nobody."""
        experiment_id, at = self._ids.get(name, (None, 0))
        return experiment_id if self._clock.now_ms() - at <= TRUSTED_MS else None

    def find_by_name(self, name: str) -> Experiment | None:
        """The experiment that holds `name`, deleted or not; None if nobody does."""
        names.check_experiment_name(name)
        holder = self._holder(name)
        if holder is None and name == DEFAULT_EXPERIMENT_NAME:
            default = self.get(DEFAULT_EXPERIMENT_ID)
            return default if default.name == name else None
        return holder

    def get_by_name(self, name: str) -> Experiment:
        """The experiment that holds `name`. Raises `NotFound`, with the nearest names."""
        found = self.find_by_name(name)
        if found is None:
            from difflib import get_close_matches

            near = get_close_matches(
                name, [experiment.name for experiment in self.list(ViewType.ALL)], n=3
            )
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise NotFound(f"Could not find experiment with name '{name}'{hint}")
        return found

    def list(self, view: ViewType = ViewType.ACTIVE_ONLY) -> list[Experiment]:
        """All experiments in `view`, in no order: two listings, and a read for each entry not seen before."""
        journals = self._newest(layout.EXPERIMENTS)
        journals.setdefault(layout.experiment_journal(DEFAULT_EXPERIMENT_ID), 0)
        claims = self._newest(layout.EXPERIMENT_NAMES)
        states = together(lambda found: self._visible(*found, claims), journals.items())
        return [s for s in states if s is not None and view.shows(s.lifecycle_stage)]

    def creator(self, experiment_id: str) -> str | None:
        """Who made it, as its journal's first entry says: read once. None of the experiment that every store has."""
        if experiment_id not in self._creators:
            self._creators[experiment_id] = self._first_actor(experiment_id)
        return self._creators[experiment_id]

    # -- names ------------------------------------------------------------------------------------

    def _holder(self, name: str) -> Experiment | None:
        experiment_id = self._claimant(name)
        if experiment_id is None:
            return None
        try:
            state = self._entry(experiment_id).state
            if state.name != name:  # so the name is free, unless the listing was stale
                state = self._entry(experiment_id, for_sure=True).state
        except NotFound:  # collected
            return None
        return state if state.name == name else None

    def _refuse_taken(self, name: str, by_other_than: str | None) -> None:
        holder = self.find_by_name(name)
        if holder is not None and holder.experiment_id != by_other_than:
            state = (
                "deleted: restore it"
                if holder.lifecycle_stage is LifecycleStage.DELETED
                else "use it"
            )
            raise AlreadyExists(
                f"Experiment '{name}' already exists. It has the id {holder.experiment_id} and is {state}, "
                "or choose another name"
            )

    def _claim(self, name: str, experiment_id: str) -> None:
        """Take the name, or raise `AlreadyExists` and leave the experiment without it."""
        journal = self._journal(layout.experiment_name_journal(name))
        for _ in range(TURNS):
            latest = journal.latest()
            if latest is not None:
                self._refuse_taken(name, experiment_id)
            claim = NameClaim(txn=new_txn(), time=self._clock.now_ms(), experiment_id=experiment_id)
            if journal.append((latest.number if latest else 0) + 1, encode_document(claim)):
                return
        raise Conflict(f"the name {name!r} is wanted by too many at once; try again")
