"""The use cases of logged models: create, finish, tag, measure, find, delete. Their files are artifacts of runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import names
from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.logged_model import (
    LoggedModel,
    LoggedModelStatus,
    ModelMetric,
    input_tag,
    merged_runs,
    metric_tag,
    metrics_in,
    output_tag,
    outputs_in,
)
from stageline.errors import AlreadyExists, InvalidInput, NotFound
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.storage.probe import ensure_format
from stageline.tracking.logged_model_journals import LoggedModelJournals
from stageline.tracking.logged_model_search import search_logged_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stageline.clock import Clock
    from stageline.domain.page import Page
    from stageline.domain.query import OrderBy
    from stageline.storage.port import ObjectStore
    from stageline.tracking.runs import Runs

_REFUSED_IN_NAMES = frozenset("/:.%\"'")


class LoggedModels(LoggedModelJournals):
    """Logged models of one store. Safe from many threads and hosts."""

    def __init__(self, store: ObjectStore, runs: Runs, clock: Clock) -> None:
        super().__init__(store, clock)
        self._runs = runs
        self._measured_by: set[tuple[str, str]] = set()

    # -- reading ----------------------------------------------------------------------------------

    def get(self, model_id: str, *, even_deleted: bool = False) -> LoggedModel:
        """The model, with what runs measured of it. Raises `NotFound`."""
        found = self._state(model_id)
        if found.is_deleted and not even_deleted:
            raise NotFound(f"Logged model with ID '{model_id}' not found: it was deleted")
        return self._with_metrics([found])[0]

    def artifact_uri(self, model: LoggedModel) -> str:
        """Where the model's files lie, as a URL."""
        if model.artifact_run_id is not None:
            return f"{self._runs.artifact_uri(model.artifact_run_id)}/{model.artifact_path}"
        return f"{self._store.url.rstrip('/')}/{layout.logged_model_artifacts(model.model_id).rstrip('/')}"

    def resolve(self, model_id: str) -> tuple[str, str] | str:
        """Where the model's files are: a run's id and the path among its artifacts, or a URL. Raises `NotFound`."""
        model = self.get(model_id)
        if model.artifact_run_id is not None and model.artifact_path is not None:
            return model.artifact_run_id, model.artifact_path
        return self.artifact_uri(model)

    def of_experiment(self, experiment_id: str, *, even_deleted: bool = False) -> list[LoggedModel]:
        """The models of an experiment without their metrics, in no order: a listing, and two requests a model."""
        prefix = layout.experiment_models(names.check_experiment_id(experiment_id))
        ids = [entry.key[len(prefix) :] for entry in self._store.list(prefix)]
        states = together(self._find, ids)
        return [one for one in states if one is not None and (even_deleted or not one.is_deleted)]

    def search(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        *,
        datasets: Sequence[tuple[str, str | None]] = (),
        max_results: int | None = None,
        order_by: Sequence[tuple[OrderBy, str | None, str | None]] = (),
        page_token: str | None = None,
    ) -> Page[LoggedModel]:
        """One page of models; the newest first unless `order_by` (an ordering and its dataset) says otherwise.

        Raises:
            InvalidInput: the filter, an ordering, the page token or `max_results` is not valid.
        """
        return search_logged_models(
            lambda: [model for each in experiment_ids for model in self.of_experiment(each)],
            self._with_metrics,
            filter_string,
            datasets=datasets,
            max_results=max_results,
            order_by=order_by,
            page_token=page_token,
        )

    # -- writing ----------------------------------------------------------------------------------

    def create(
        self,
        experiment_id: str,
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """A new model, whose files are still to come.

        They go where our own models are: under the name among the run's artifacts, unless another one has that place.

        Raises:
            InvalidInput: a name, tag or param breaks a rule.
            NotFound: there is no such run.
        """
        model_id = f"m-{os.urandom(16).hex()}"
        now = self._clock.now_ms()
        shown = check_model_label(name or f"model-{model_id[2:10]}")
        state = LoggedModel(
            model_id=model_id,
            experiment_id=experiment_id,
            name=shown,
            creation_timestamp=now,
            last_updated_timestamp=now,
            artifact_run_id=source_run_id,
            artifact_path=self._free_folder(source_run_id, shown, model_id)
            if source_run_id
            else None,
            source_run_id=source_run_id,
            model_type=model_type,
            tags=_checked_tags(tags or {}),
            params={
                names.check_key("param", key): names.check_param_value(str(value))[0]
                for key, value in (params or {}).items()
            },
        )
        self.adopt(state)
        if source_run_id is not None:
            self.link_outputs(source_run_id, {model_id: 0})
        return state

    def adopt(self, state: LoggedModel) -> None:
        """Take in a model whose id is chosen: one from elsewhere. The same again changes nothing.

        Raises:
            AlreadyExists: another model has the id.
        """
        ensure_format(self._store, self._clock)
        # First, or a crash would leave a model that no search finds; without a journal it is none.
        self._store.replace(f"{layout.experiment_models(state.experiment_id)}{state.model_id}", b"")
        if not self._write(state, 1):
            known = self._state(state.model_id)
            if (known.experiment_id, known.name, known.creation_timestamp) != (
                state.experiment_id,
                state.name,
                state.creation_timestamp,
            ):
                raise AlreadyExists(
                    f"the id {state.model_id} is that of another logged model, {known.name!r}"
                )

    def finish(
        self, model_id: str, status: LoggedModelStatus, message: str | None = None
    ) -> LoggedModel:
        """Say whether the model's files have arrived. Raises `NotFound`."""
        return self._with_metrics([self._change(model_id, status=status, status_message=message)])[
            0
        ]

    def set_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags; the last value stays."""
        checked = _checked_tags(tags)
        self._edit(model_id, lambda state: {"tags": {**state.tags, **checked}})

    def delete_tag(self, model_id: str, key: str) -> None:
        """Remove a tag. Raises `NotFound`."""

        def without(state: LoggedModel) -> dict[str, Any]:
            if key not in state.tags:
                raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}")
            return {"tags": {k: value for k, value in state.tags.items() if k != key}}

        self._edit(model_id, without)

    def log_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Add params; the last value stays."""
        given = {names.check_key("param", key): str(value) for key, value in params.items()}
        self._edit(model_id, lambda state: {"params": {**state.params, **given}})

    def delete(self, model_id: str) -> None:
        """Put the model aside; its files stay until its run is collected. Raises `NotFound`."""
        self.get(model_id)
        self._change(model_id, is_deleted=True)

    # -- what runs have to do with models ---------------------------------------------------------

    def link_outputs(self, run_id: str, steps: Mapping[str, int]) -> None:
        """Say which models a run made, and at which step."""
        self._runs.set_tags(run_id, dict(output_tag(one, step) for one, step in steps.items()))

    def link_inputs(self, run_id: str, model_ids: Iterable[str]) -> None:
        """Say which models a run reads."""
        self._runs.set_tags(run_id, dict(map(input_tag, model_ids)))

    def measured(self, run_id: str, metrics: Iterable[tuple[str, ModelMetric]]) -> dict[str, str]:
        """The tags by which a run says what it measured of models: to be logged with the metrics themselves.

        Asks the store once for each model in a process, not for each metric. Raises `NotFound`.
        """
        tags: dict[str, str] = {}
        for model_id, metric in metrics:
            if (model_id, run_id) not in self._measured_by:
                self._note_run(model_id, run_id)
                self._measured_by.add((model_id, run_id))
            key, said = metric_tag(model_id, metric)
            tags[key] = said
        return tags

    def _note_run(self, model_id: str, run_id: str) -> None:
        if run_id not in (state := self._state(model_id)).run_ids and run_id != state.source_run_id:
            self._edit(model_id, lambda now: {"run_ids": merged_runs(now.run_ids, [run_id])})

    def _with_metrics(self, models: Sequence[LoggedModel]) -> list[LoggedModel]:
        wanted = {run for one in models for run in (one.source_run_id, *one.run_ids) if run}
        tags = dict(together(self._tags_of, wanted))
        return [
            msgspec.structs.replace(
                one,
                metrics=tuple(
                    metric
                    for run in merged_runs([one.source_run_id or ""], one.run_ids)
                    for metric in metrics_in(tags.get(run, {}), one.model_id, run)
                ),
            )
            for one in models
        ]

    def _tags_of(self, run_id: str) -> tuple[str, dict[str, str]]:
        try:
            return run_id, self._runs.get(run_id).data.tags
        except NotFound:  # collected: what it measured went with it
            return run_id, {}

    def _free_folder(self, run_id: str, name: str, model_id: str) -> str:
        made = outputs_in(self._runs.get(run_id).data.tags)
        known = together(self._find, made)
        is_taken = any(one is not None and one.artifact_path == name for one in known)
        # Another server may know of a model of that name, and its log not be here yet; or a user put files there.
        if is_taken or self._store.list(f"{layout.run_artifacts(run_id)}{name}/", limit=1):
            return f"{name}-{model_id[2:]}"
        return name


def check_model_label(name: str) -> str:
    """The name of a logged model: text without `/ : . % " '`, for it becomes a folder and part of a URI."""
    if not name.strip() or _REFUSED_IN_NAMES & set(name):
        raise InvalidInput(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
            "following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    return check_artifact_path(name)


def _checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return dict(names.check_experiment_tag(key, str(value)) for key, value in tags.items())
