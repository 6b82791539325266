"""The use case of taking a version to another store: its files, its run, and the memory of where it came from.

The version is registered last, by one entry: whatever dies before leaves files and a run that no version names yet,
which the next try goes on with.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from stageline.domain import copy_decisions, decisions
from stageline.domain.model import ModelVersion, Origin
from stageline.domain.registry_events import VersionRegistered
from stageline.domain.registry_names import check_model_name
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.registry.facts import finite, run_check
from stageline.registry.lookback import backwards
from stageline.registry.undoing import Undoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.gate import CheckOutcome
    from stageline.domain.model import RegisteredModel, VersionFacts
    from stageline.registry.facts import ModelFacts
    from stageline.registry.ledger import Context, Ledger
    from stageline.storage.port import ObjectStore

    Progress = Callable[[int], None]

Self = TypeVar("Self", bound="Copying")


class Home(Protocol):
    """What a registry lives in: a workspace."""

    @property
    def store(self) -> ObjectStore:
        """Where everything lies."""
        ...

    @property
    def registry(self) -> Copying:
        """Its registry."""
        ...

    def beside(self, url: str) -> Home:
        """The one at another URL."""
        ...

    def copy_run(
        self, run_id: str, to: Any, *, folder: str | None, progress: Progress | None
    ) -> str:
        """Copy a run there, to another of its own kind (which a protocol can not say); its id there."""
        ...


class Copying(Undoing):
    """Versions on their way to other stores."""

    def __init__(
        self, ledger: Ledger, facts: ModelFacts, context: Context, home: Home | None = None
    ) -> None:
        super().__init__(ledger, facts, context)
        self._home = home

    def _in(self: Self, context: Context) -> Self:
        return type(self)(self._ledger, self._facts, context, self._home)

    def copy(
        self,
        uri: str,
        to: Home | str | Path,
        name: str | None = None,
        *,
        all_artifacts: bool = False,
        progress: Progress | None = None,
    ) -> ModelVersion:
        """Take a version to another store; the one that is there, if it has been taken there before.

        It gets a new number there and begins in the first stage: what becomes of it is decided there. With it go its
        files, checked on the way, and its run, with params, whole histories of metrics, tags and inputs. A call that
        was interrupted can be repeated, and goes on.

        Args:
            uri: `models:/<name>/<version, stage or latest>` or `models:/<name>@<alias>`.
            to: Another workspace, or the URL of one, which is opened with the settings of this one.
            name: Its name there; the same if not given.
            all_artifacts: Take all files of the run, not only the model's.
            progress: Called with the number of bytes that have passed since its last call.

        Raises:
            Corrupt: a file is not what was registered.
            GateRefused: the policy of the model there does not let it in.
            InvalidInput: the version has no run, so its files are not this store's to give.
            NotAllowed: its run is running or deleted, or the other store can not keep a registry.
            NotFound: there is no such version.
        """
        if self._home is None:
            raise InvalidInput("this registry was opened by itself: copy from that of a workspace")
        version = self.get_by_uri(uri)
        folder = _folder_of(version, self._root_of(version))
        place = self._home.beside(str(to)) if isinstance(to, (str, Path)) else to
        origin = self._origin_of(version)
        there = place.registry.acting(self.actor, reason=_reason(origin))
        new_name = check_model_name(name or version.name)
        known = there.find_copy(new_name, origin)
        if known is not None:
            return known
        facts = self._facts.look(version.run_id, folder or None, None)
        _check_same(version, facts)
        wanted = _new(version, origin, new_name, folder, facts)
        there.check_admitted(wanted)
        assert version.run_id is not None
        run_id = version.run_id
        if place.store.url != self._home.store.url:
            wholly = None if all_artifacts else folder or None
            run_id = self._home.copy_run(run_id, place, folder=wholly, progress=progress)
        return there.register_copy(wanted, self.get(version.name), run_id)

    # -- as the one that it comes from --------------------------------------------------------------

    def _root_of(self, version: ModelVersion) -> str:
        """Where the artifacts of a version's run lie; empty if it has none."""
        if version.run_id is None:
            return ""
        return self._facts.look(version.run_id, None, None).source

    def _origin_of(self, version: ModelVersion) -> Origin:
        for entry in backwards(self._ledger, version.name, self._history_entry):
            for event in entry.events:
                if (
                    isinstance(event, VersionRegistered)
                    and event.version.version == version.version
                ):
                    return Origin(
                        store=self._ledger.store.url,
                        name=version.name,
                        version=version.version,
                        digest=entry.digest,
                    )
        raise NotFound(
            f"no entry registers version {version.version} of {version.name!r}: `stageline registry verify` shows "
            "where its journal is damaged"
        )

    # -- as the one that it goes to -----------------------------------------------------------------

    def find_copy(self, name: str, origin: Origin) -> ModelVersion | None:
        """The version of `name` that was copied from `origin`; None if none was."""
        state = self._state(name)
        return copy_decisions.find_copy(state, origin) if state.is_active else None

    def check_admitted(self, wanted: ModelVersion) -> None:
        """Raise before anything is sent, if it would be refused in the end."""
        self._ledger.refuse_careless_store()
        state = self._state(wanted.name)
        checks = self._checks(wanted)
        copy_decisions.check_admitted(state, wanted, self.actor, checks)

    def register_copy(
        self, wanted: ModelVersion, model: RegisteredModel, run_id: str
    ) -> ModelVersion:
        """Register what has arrived. Raises `Corrupt` if it is not what was sent."""
        facts = self._facts.look(run_id, wanted.artifact_path, None)
        _check_same(wanted, facts)
        now = self._ledger.clock.now_ms()
        arrived = msgspec.structs.replace(
            wanted,
            run_id=run_id,
            source=facts.source,
            facts=finite(facts),
            user_id=self.actor.name,
            creation_timestamp=now,
            last_updated_timestamp=now,
        )
        checks = self._checks(arrived)
        change = self._change(
            wanted.name,
            lambda state: copy_decisions.decide_copy(state, arrived, model, self.actor, checks),
            msgspec.structs.replace(self._context, run_id=run_id),
        )
        assert arrived.origin is not None
        found = copy_decisions.find_copy(change.state, arrived.origin)
        assert found is not None
        return decisions.get_version(change.state, found.version)

    def _checks(self, wanted: ModelVersion) -> dict[str, CheckOutcome]:
        state = self._state(wanted.name)
        names = state.policy(state.initial_stage).checks
        return {name: run_check(name, wanted, wanted.facts) for name in names}


def _new(
    version: ModelVersion, origin: Origin, name: str, folder: str, facts: VersionFacts
) -> ModelVersion:
    """What is to be registered; number, stage, run and times are told there."""
    return ModelVersion(
        name=name,
        version=1,
        creation_timestamp=0,
        last_updated_timestamp=0,
        description=version.description,
        run_id=version.run_id,
        artifact_path=folder or None,
        run_link=version.run_link,
        tags=version.tags,
        annotations=version.annotations,
        facts=msgspec.structs.replace(facts, digest=version.facts.digest or facts.digest),
        origin=origin,
    )


def _folder_of(version: ModelVersion, root: str) -> str:
    """Where among its run's artifacts a version lies; empty for all of them. Raises `InvalidInput`."""
    if version.artifact_path is not None:
        return version.artifact_path
    if version.run_id is not None:
        for start in (root, f"runs:/{version.run_id}"):
            if version.source.rstrip("/") == start:
                return ""
            if version.source.startswith(f"{start}/"):
                return version.source[len(start) + 1 :].rstrip("/")
    raise InvalidInput(
        f"version {version.version} of {version.name!r} can not be copied: its files lie at {version.source!r}, and "
        "not with a run of this store, which would vouch for them. Log them with a run and register that, or register "
        "their address in the other store"
    )


def _check_same(version: ModelVersion, now: VersionFacts) -> None:
    if version.facts.digest and now.digest and version.facts.digest != now.digest:
        raise Corrupt(
            f"the files of version {version.version} of {version.name!r} are not those that were registered: they were "
            "changed since, or did not arrive whole. Register them anew, and copy that version"
        )


def _reason(origin: Origin) -> str:
    return f"copied from models:/{origin.name}/{origin.version} of {origin.store}"[:1000]
