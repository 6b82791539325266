"""The use cases of model versions: register, read, describe, tag, annotate, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import decisions
from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.model import Annotation, ModelVersion, VersionFacts
from stageline.domain.names import check_run_id
from stageline.domain.registry_names import (
    check_comment,
    check_description,
    check_label,
    check_model_name,
    check_registry_tag,
    check_source,
    check_version,
)
from stageline.errors import InvalidInput, NotAllowed, NotFound
from stageline.registry.facts import finite
from stageline.registry.models import Models
from stageline.registry.search import MODEL_VERSIONS_PAGE, search_model_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stageline.domain.page import Page


class Versions(Models):
    """Versions of registered models."""

    def register(
        self,
        name: str,
        run_id: str | None = None,
        artifact_path: str | None = None,
        source: str | None = None,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        digest: str | None = None,
        run_link: str = "",
        create_model: bool = True,
        again: bool = False,
    ) -> ModelVersion:
        """A new version of a run's model, or of any folder; the one there is, if the same run and files have one.

        Args:
            name: The registered model, made if need be.
            run_id: The run that logged it; its metrics are what gates look at.
            artifact_path: Where in the run's artifacts the model is.
            source: The model's URI, where it is not the run's.
            tags: First tags of the version.
            description: For people.
            digest: Tells the model's files from others; found out by itself for a run's.
            run_link: A page about the run.
            create_model: False to refuse a name that has no model.
            again: True for a new version even if the same run and files have one.

        Raises:
            InvalidInput: neither run nor source is given, or something breaks a rule.
            NotFound: there is no such run, model folder in it, or registered model.
            NotAllowed: the run is deleted.
        """
        check_model_name(name)
        facts = self._source_facts(run_id, artifact_path, source)
        if digest is not None:
            facts = msgspec.structs.replace(facts, digest=check_label("digest", digest))
        now = self._ledger.clock.now_ms()
        wanted = ModelVersion(
            name=name,
            version=1,
            creation_timestamp=now,
            last_updated_timestamp=now,
            description=check_description(description),
            source=facts.source,
            run_id=run_id,
            artifact_path=artifact_path,
            user_id=self.actor.name,
            run_link=check_comment("run_link", run_link),
            tags=dict(check_registry_tag(key, value) for key, value in (tags or {}).items()),
            facts=finite(facts),
        )
        context = self._context
        if context.run_id is None:
            context = msgspec.structs.replace(context, run_id=run_id)
        change = self._change(
            name,
            lambda state: decisions.decide_register(
                state, wanted, create=create_model, again=again
            ),
            context,
        )
        if not change.events:
            known = decisions.find_same(change.state, wanted)
            assert known is not None
            return known
        return decisions.get_version(change.state, change.state.numbers()[-1])

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, the newest last. Raises `NotFound`."""
        return self._active(name).all_versions()

    def get_version(self, name: str, version: int | str) -> ModelVersion:
        """One version. Raises `NotFound`."""
        return decisions.get_version(self._state(name), check_version(version))

    def facts_of(self, version: ModelVersion) -> VersionFacts:
        """What a version's run and files say now; as they were when it was registered, if its run is gone."""
        try:
            return self._facts.look(version.run_id, version.artifact_path, version.source)
        except (NotFound, NotAllowed):
            return version.facts

    def search_model_versions(
        self,
        filter_string: str = "",
        max_results: int = MODEL_VERSIONS_PAGE,
        order_by: Sequence[str] = (),
        page_token: str | None = None,
    ) -> Page[ModelVersion]:
        """One page of the versions of all models, in MLflow's language: `name = 'wine' AND version_number > 3`.

        Raises:
            InvalidInput: the filter, an ordering, the page token or `max_results` is not valid.
        """
        return search_model_versions(
            lambda: [version for state in self._states() for version in state.all_versions()],
            filter_string,
            max_results,
            order_by,
            page_token,
        )

    def delete_version(self, name: str, version: int | str) -> None:
        """Delete a version, with its aliases and open requests. Its number is not used again.

        Raises:
            NotAllowed: it is in a protected stage.
            NotFound: there is no such version.
        """
        number, time = check_version(version), self._ledger.clock.now_ms()
        self._change(
            name,
            lambda state: decisions.decide_delete_version(
                state, number, actor=self.actor.name, time=time
            ),
        )

    def set_version_description(
        self, name: str, version: int | str, description: str | None
    ) -> ModelVersion:
        """Describe a version for people. Raises `NotAllowed` if it is in a protected stage."""
        number, text = check_version(version), check_description(description)
        change = self._change(
            name, lambda state: decisions.decide_describe_version(state, number, text)
        )
        return decisions.get_version(change.state, number)

    def set_version_tag(self, name: str, version: int | str, key: str, value: Any) -> None:
        """Set a tag of a version. Raises `NotAllowed` if it is in a protected stage."""
        number = check_version(version)
        key, text = check_registry_tag(key, value)
        self._change(name, lambda state: decisions.decide_set_version_tag(state, number, key, text))

    def delete_version_tag(self, name: str, version: int | str, key: str) -> None:
        """Remove a tag of a version; an absent one is fine. Raises `NotAllowed` if it is in a protected stage."""
        number = check_version(version)
        self._change(name, lambda state: decisions.decide_delete_version_tag(state, number, key))

    def annotate(self, name: str, version: int | str, text: str) -> ModelVersion:
        """Add a remark to a version, with your name and the time; it can not be changed later."""
        number = check_version(version)
        if not check_comment("text", text).strip():
            raise InvalidInput("Invalid annotation: expected text that is not blank")
        remark = Annotation(text, self.actor.name, self._ledger.clock.now_ms())
        change = self._change(name, lambda state: decisions.decide_annotate(state, number, remark))
        return decisions.get_version(change.state, number)

    # -- facts ------------------------------------------------------------------------------------

    def _source_facts(
        self, run_id: str | None, artifact_path: str | None, source: str | None
    ) -> VersionFacts:
        if run_id is None and source is None:
            raise InvalidInput(
                "Missing value for required parameter 'source': give it, or a run_id"
            )
        if artifact_path is not None:
            check_artifact_path(artifact_path)
            if run_id is None:
                raise InvalidInput("artifact_path lies under a run: give the run_id too")
        if run_id is not None:
            check_run_id(run_id)
        if source is not None:
            check_source(source)
        return self._facts.look(run_id, artifact_path, source)
