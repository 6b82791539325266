"""The use cases of registered models: create, read, change, rename, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.domain import decisions
from stageline.domain.registry_names import (
    check_description,
    check_model_name,
    check_registry_tag,
    check_stages,
)
from stageline.errors import AlreadyExists
from stageline.registry.desk import Desk
from stageline.registry.search import REGISTERED_MODELS_PAGE, search_registered_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stageline.domain.model import RegisteredModel
    from stageline.domain.page import Page
    from stageline.domain.registry_state import ModelState


class Models(Desk):
    """Registered models."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        *,
        stages: Iterable[str] | None = None,
        archive_stage: str | None = None,
    ) -> RegisteredModel:
        """A new model, with no versions.

        Args:
            name: Text without `/` and `:`.
            tags: First tags.
            description: For people.
            stages: Its stages, the first one being where versions begin; None, Staging, Production and Archived if
                not given.
            archive_stage: Where versions go that are replaced; the stage spelt Archived if not given.

        Raises:
            AlreadyExists: the name has a model.
            InvalidInput: a name or tag breaks a rule.
        """
        checked = _tags(tags)
        text = check_description(description)
        listed = check_stages(stages) if stages is not None else None
        return self._change(
            name,
            lambda state: decisions.decide_create(
                state,
                tags=checked,
                description=text,
                stages=listed,
                archive_stage=archive_stage,
            ),
        ).state.to_model()

    def get(self, name: str) -> RegisteredModel:
        """The model. Raises `NotFound`."""
        return self._active(name).to_model()

    def find(self, name: str) -> RegisteredModel | None:
        """The model, or None if the name has none."""
        state = self._state(name)
        return state.to_model() if state.is_active else None

    def state(self, name: str) -> ModelState:
        """The model with its versions, policies and requests, all as of one moment. Raises `NotFound`."""
        return self._active(name)

    def list(self) -> list[RegisteredModel]:
        """All models by name: one listing, and a read for each entry that was not seen before."""
        return [state.to_model() for state in self._states()]

    def search_registered_models(
        self,
        filter_string: str = "",
        max_results: int = REGISTERED_MODELS_PAGE,
        order_by: Sequence[str] = (),
        page_token: str | None = None,
    ) -> Page[RegisteredModel]:
        """One page of models, in MLflow's language: `name ILIKE '%wine%' AND tags.team = 'risk'`.

        Raises:
            InvalidInput: the filter, an ordering, the page token or `max_results` is not valid.
        """
        return search_registered_models(self.list, filter_string, max_results, order_by, page_token)

    def rename(self, name: str, new_name: str) -> RegisteredModel:
        """Give the model another name; the old one is free then.

        Raises:
            AlreadyExists: the new name has a model.
            NotAllowed: a version is in a protected stage.
            NotFound: there is no such model.
        """
        name, new_name = check_model_name(name), check_model_name(new_name)
        if name == new_name:
            return self.get(name)

        def refuse_taken(there: ModelState) -> None:
            if there.is_active:
                raise AlreadyExists(f"Registered Model (name={new_name}) already exists")

        return self._ledger.rename(
            name,
            new_name,
            lambda here, txn: decisions.decide_rename(here, new_name, txn),
            refuse_taken,
            self._context,
        ).to_model()

    def set_description(self, name: str, description: str | None) -> RegisteredModel:
        """Describe the model for people."""
        text = check_description(description)
        return self._change(
            name, lambda state: decisions.decide_describe(state, text)
        ).state.to_model()

    def set_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of the model; the last value stays."""
        key, text = check_registry_tag(key, value)
        self._change(name, lambda state: decisions.decide_set_tag(state, key, text))

    def delete_tag(self, name: str, key: str) -> None:
        """Remove a tag of the model; an absent one is fine."""
        self._change(name, lambda state: decisions.decide_delete_tag(state, key))

    def set_stages(
        self, name: str, stages: Iterable[str], archive_stage: str | None = None
    ) -> RegisteredModel:
        """Give the model other stages. Raises `NotAllowed` if one that goes holds a version or has a policy."""
        listed = check_stages(stages)
        return self._change(
            name, lambda state: decisions.decide_set_stages(state, listed, archive_stage)
        ).state.to_model()

    def delete(self, name: str) -> None:
        """Delete the model and its versions; its history stays, and its versions' numbers are not used again.

        Raises:
            NotAllowed: a version is in a protected stage.
            NotFound: there is no such model.
        """
        self._change(name, decisions.decide_delete)


def _tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    return dict(check_registry_tag(key, value) for key, value in (tags or {}).items())
