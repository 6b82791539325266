"""A logged model of the field: a model with an id of its own, before any registry knows it, and what runs say of it.

Its own facts are a journal's. How runs are tied to it (which made it, which read it, which measured it) lies in tags of
those runs, under `LINK`: so a link is as durable as a metric, costs no request, and merges as runs do.
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOGGED_MODEL_FORMAT = "stageline.logged_model/1"

LINK = "stageline.model."
"""What the keys of a run's tags begin with that tie it to logged models. They are no user's."""
TAG_MODEL_ID = "stageline.mlflow.model_id"
"""On a version of a registered model: the logged model that it is."""
TAG_SOURCE = "stageline.mlflow.source"
"""On a version: its source as MLflow's client gave it, where it is not where the files are."""
VERSION_TAGS = (TAG_MODEL_ID, TAG_SOURCE)
"""Of a version, those that are no user's."""
_OUTPUT, _INPUT, _METRIC = f"{LINK}output.", f"{LINK}input.", f"{LINK}metric."
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_Said = tuple[str, float, int, int, str, str]
"""Key, value, step, time, and the dataset's name and digest."""


class LoggedModelStatus(str, Enum):
    """Whether a model's files have arrived; the values are those of the field's wire protocol."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    __str__ = str.__str__


class ModelMetric(NamedTuple):
    """A number that says how good a model is, and on which data."""

    key: str
    value: float
    step: int
    timestamp: int
    """Unix time in milliseconds."""
    run_id: str
    """The run that measured it."""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A logged model as it stands. Times are Unix milliseconds."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    artifact_run_id: str | None = None
    """The run among whose artifacts its files lie; None: it has a folder of its own."""
    artifact_path: str | None = None
    """Where, among those."""
    source_run_id: str | None = None
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str | None = None
    model_type: str | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    run_ids: tuple[str, ...] = ()
    """Other runs that measured it."""
    is_deleted: bool = False
    metrics: tuple[ModelMetric, ...] = ()
    """What runs measured; not in the journal, the runs have it."""


class LoggedModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Entry of a logged model's journal: the whole state."""

    format: str = LOGGED_MODEL_FORMAT
    txn: str
    time: int
    state: LoggedModel


def output_tag(model_id: str, step: int) -> tuple[str, str]:
    """The tag of a run that made the model, at a step."""
    return f"{_OUTPUT}{model_id}", str(step)


def input_tag(model_id: str) -> tuple[str, str]:
    """The tag of a run that reads the model."""
    return f"{_INPUT}{model_id}", ""


def metric_tag(model_id: str, metric: ModelMetric) -> tuple[str, str]:
    """The tag of a run that measured the model: one for each metric and dataset, so the last value stays."""
    dataset = (metric.dataset_name or "", metric.dataset_digest or "")
    place = hashlib.sha256("\n".join((metric.key, *dataset)).encode()).hexdigest()[:16]
    said = [metric.key, metric.value, metric.step, metric.timestamp, *dataset]
    return f"{_METRIC}{model_id}.{place}", json.dumps(said, separators=(",", ":"))


def outputs_in(tags: Mapping[str, str]) -> dict[str, int]:
    """The models that a run made, with their steps. A tag that somebody else set to no number is passed over."""
    return {
        key[len(_OUTPUT) :]: int(step)
        for key, step in tags.items()
        if key.startswith(_OUTPUT) and _NUMBER.fullmatch(step)
    }


def inputs_in(tags: Mapping[str, str]) -> list[str]:
    """The models that a run read."""
    return [key[len(_INPUT) :] for key in tags if key.startswith(_INPUT)]


def metrics_in(tags: Mapping[str, str], model_id: str, run_id: str) -> list[ModelMetric]:
    """What a run measured of a model. A tag that somebody else set to anything is passed over."""
    prefix = f"{_METRIC}{model_id}."
    found = (_metric(said, run_id) for key, said in tags.items() if key.startswith(prefix))
    return [metric for metric in found if metric is not None]


def without_links(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that are the user's."""
    return {key: value for key, value in tags.items() if not key.startswith(LINK)}


def merged_runs(known: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Both, each once."""
    return tuple(dict.fromkeys((*known, *more)))


def _metric(said: str, run_id: str) -> ModelMetric | None:
    try:  # the standard library's JSON has a NaN
        key, value, step, timestamp, name, digest = msgspec.convert(json.loads(said), _Said)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return None
    return ModelMetric(key, value, step, timestamp, run_id, name or None, digest or None)
