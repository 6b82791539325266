"""The use cases of experiments: create, rename, tag, delete, restore. How they are found is beside this."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import names
from stageline.domain.experiment import (
    Experiment,
)
from stageline.domain.ids import (
    DEFAULT_EXPERIMENT_ID,
    new_experiment_id,
)
from stageline.domain.run import LifecycleStage
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.tracking.experiment_finding import TURNS, ExperimentFinding
from stageline.tracking.experiment_journals import NewestEntry, decoded_entry
from stageline.tracking.texts import tag_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Experiments(ExperimentFinding):
    """Experiments of one store. Safe from many threads and hosts: names are unique whoever races."""

    def acting(self, actor: str) -> Experiments:
        """The same experiments, where each entry says that `actor` wrote it."""
        other = copy(self)  # what is known of journals and names is shared
        other._actor = actor
        return other

    def create(
        self, name: str, tags: Mapping[str, Any] | None = None, artifact_location: str = ""
    ) -> Experiment:
        """A new experiment.

        Raises:
            AlreadyExists: the name is held, by an active experiment or by a deleted one.
        """
        names.check_experiment_name(name)
        checked = dict(
            names.check_experiment_tag(key, tag_text(key, value))
            for key, value in (tags or {}).items()
        )
        _check_artifact_location(artifact_location)
        self._refuse_taken(name, None)
        now = self._clock.now_ms()
        experiment = Experiment(
            experiment_id=new_experiment_id(),
            name=name,
            artifact_location=artifact_location,
            creation_time=now,
            last_update_time=now,
            tags=checked,
        )
        while not self._write(experiment, 1, "created", None, None):
            # Another host drew the same id in the same millisecond: it stays theirs.
            experiment = msgspec.structs.replace(experiment, experiment_id=new_experiment_id())
        return self._opened(experiment)

    def adopt(self, wanted: Experiment) -> Experiment:
        """Take in an experiment from elsewhere, under its own id; what holds its name already is it.

        The id of another experiment is left to that one: then it gets an id of its own.
        """
        names.check_experiment_name(wanted.name)
        names.check_experiment_id(wanted.experiment_id)
        found = self.find_by_name(wanted.name)
        if found is not None:
            return found
        state = wanted
        while not self._write(state, 1, "created", None, None):
            known = self.get(state.experiment_id)
            if (known.name, known.creation_time) == (wanted.name, wanted.creation_time):
                break  # an earlier try, which got no further
            state = msgspec.structs.replace(wanted, experiment_id=new_experiment_id())
        return self._opened(state)

    def _opened(self, experiment: Experiment) -> Experiment:
        """The experiment, once it has an index and its name."""
        # Late: few processes make experiments, and all that log would pay for it.
        from stageline.storage.index import ExperimentIndex

        # Without an index, the first search would look for the runs of this experiment among all runs of the store.
        ExperimentIndex(self._store, experiment.experiment_id, self._clock).rebuild(list)
        self._claim(experiment.name, experiment.experiment_id)
        self._put_back(experiment.experiment_id)
        return experiment

    def _put_back(self, experiment_id: str) -> None:
        """Its first entry, if it was collected before it got its name: this process stood still for days."""
        prefix = layout.experiment_journal(experiment_id)
        key = f"{prefix}{layout.revision(1)}"
        try:
            self._store.read(key)
        except NotFound:
            commit(self._store, key, self._journal(prefix).read(1), clock=self._clock)

    def get_or_create(self, name: str) -> Experiment:
        """The experiment of that name, made if need be; the same for all who race.

        Raises:
            InvalidInput: it is deleted.
        """
        for _ in range(TURNS):
            found = self.find_by_name(name)
            if found is None:
                try:
                    found = self.create(name)
                except AlreadyExists:
                    continue
            if found.lifecycle_stage is LifecycleStage.DELETED:
                raise InvalidInput(
                    f"experiment {name!r} is deleted: restore it with `stageline experiments restore "
                    f"{found.experiment_id}`, or choose another name"
                )
            self._ids[name] = found.experiment_id, self._clock.now_ms()
            return found
        raise Conflict(
            f"the name {name!r} changed hands {TURNS} times while it was asked for; try again"
        )

    def rename(self, experiment_id: str, new_name: str) -> Experiment:
        """Give it another name.

        Raises:
            AlreadyExists: somebody else holds the name.
        """
        names.check_experiment_name(new_name)
        before = self.get(experiment_id)
        _refuse_deleted(before)
        if before.name == new_name:
            return before
        self._refuse_taken(new_name, experiment_id)
        after = self._change(
            experiment_id, "renamed", lambda e: msgspec.structs.replace(e, name=new_name)
        )
        self._claim(new_name, experiment_id)
        return after

    def set_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag; the last value stays."""
        key, text = names.check_experiment_tag(key, tag_text(key, value))
        self._change(
            experiment_id,
            "tagged",
            lambda e: msgspec.structs.replace(_refuse_deleted(e), tags={**e.tags, key: text}),
        )

    def delete_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag. Raises `NotFound`."""

        def without(experiment: Experiment) -> Experiment:
            if key not in experiment.tags:
                raise NotFound(f"experiment {experiment.name!r} has no tag {key!r}")
            return msgspec.structs.replace(
                experiment, tags={k: v for k, v in experiment.tags.items() if k != key}
            )

        self._change(experiment_id, "tagged", without)

    def delete(self, experiment_id: str) -> None:
        """Put it aside: it can be restored until it is collected. Its name stays taken."""
        if experiment_id == DEFAULT_EXPERIMENT_ID:
            raise InvalidInput("the default experiment can not be deleted")
        self._change(experiment_id, "deleted", lambda e: _staged(e, LifecycleStage.DELETED))

    def restore(self, experiment_id: str) -> None:
        """Take it back."""
        self._change(experiment_id, "restored", lambda e: _staged(e, LifecycleStage.ACTIVE))

    def is_unnamed(self, experiment_id: str) -> bool:
        """Whether it is gone or never got its name: asked of its own journals, whatever a listing of all lacks."""
        try:
            latest = self._journal(layout.experiment_journal(experiment_id)).latest_for_sure()
        except NotFound:
            return True
        if latest is None:
            return True
        entry, _ = decoded_entry(latest.data, experiment_id)
        named = [one for one in (entry.state.name, entry.previous_name) if one is not None]
        return all(self._claimant(name, for_sure=True) != experiment_id for name in named)

    def is_active_for_sure(self, experiment_id: str) -> bool:
        """Whether its journal ends with its being active; False if it has none. No listing decides that."""
        try:
            newest = self._entry(experiment_id, for_sure=True)
        except NotFound:
            return False
        return newest.state.lifecycle_stage is LifecycleStage.ACTIVE

    def remove(self, experiment_id: str) -> None:
        """Remove all that is recorded of an experiment but the claims of its names, which others may build on.

        The newest entry goes last, so that a half-removed experiment reads as before. Its names are free then.
        """
        prefix = layout.experiment_journal(experiment_id)
        with suppress(NotFound):  # gone already
            # Entries have no gaps, so none is missed that a listing lacks.
            for number in range(1, self._entry(experiment_id, for_sure=True).number + 1):
                self._store.delete(f"{prefix}{layout.revision(number)}")
        self._journals.pop(prefix, None)

    def _change(
        self,
        experiment_id: str,
        action: str,
        change: Callable[[Experiment], Experiment],
    ) -> Experiment:
        names.check_experiment_id(experiment_id)
        for _ in range(TURNS):
            newest = self._entry(experiment_id)
            after = msgspec.structs.replace(
                change(newest.state), last_update_time=self._clock.now_ms()
            )
            recorded, previous_name = _with_names(after, newest)
            if self._write(recorded, newest.number + 1, action, previous_name, newest.raw):
                return after
        raise Conflict(
            f"experiment {experiment_id} is being changed by too many at once; try again"
        )


def _check_artifact_location(location: str) -> None:
    if len(location) > 2048 or any(c in location for c in "?#") or ".." in location.split("/"):
        raise InvalidInput(
            f"Invalid artifact location {location[:200]!r}: expected at most 2048 characters, with no query, "
            "fragment or '..'"
        )


def _refuse_deleted(experiment: Experiment) -> Experiment:
    if experiment.lifecycle_stage is LifecycleStage.DELETED:
        raise NotAllowed(
            f"The experiment {experiment.experiment_id} must be in the 'active' state. Current state is deleted. "
            f"Restore it with `stageline experiments restore {experiment.experiment_id}`"
        )
    return experiment


def _staged(experiment: Experiment, stage: LifecycleStage) -> Experiment:
    if experiment.lifecycle_stage is stage:
        raise InvalidInput(f"experiment {experiment.name!r} is {stage} already")
    return msgspec.structs.replace(experiment, lifecycle_stage=stage)


def _with_names(after: Experiment, newest: NewestEntry) -> tuple[Experiment, str | None]:
    """What to record of `after`, and the name to go back to.

    A rename that awaits its claim stays in the journal until the next one, or whoever sets a tag meanwhile undoes it.
    """
    if after.name != newest.state.name:
        return after, newest.state.name
    if newest.entry is None or newest.entry.previous_name is None:
        return after, None
    pending = msgspec.structs.replace(after, name=newest.entry.state.name)
    return pending, newest.entry.previous_name
