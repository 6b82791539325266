"""What MLflow's client asked of MLflow's server, asked of this one: the same statuses, codes and fields come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asking import Asked

FIXTURES = Path(__file__).parent / "fixtures"
RECORDED = {
    flow: calls
    for name in ("tracking", "registry")
    for flow, calls in json.loads((FIXTURES / f"{name}.json").read_text())["flows"].items()
}
OWN = {
    "creation_time", "last_update_time", "last_updated_time", "start_time", "end_time", "timestamp", "message",
    "artifact_uri", "artifact_location", "run_name", "user_id", "next_page_token", "creation_timestamp",
    "last_updated_timestamp", "creation_timestamp_ms", "last_updated_timestamp_ms",
}  # fmt: skip
"""Fields whose values each server makes up."""
NOT_OURS = {"sqlstate", "error_class", "workspace"}
"""Fields that clients do not need."""
IDS = (
    "run_id", "run_uuid", "source_run_id", "experiment_id", "experiment_ids", "page_token", "model_id", "webhook_id",
)  # fmt: skip


@pytest.mark.parametrize("flow", RECORDED)
def test_answers_are_those_of_mlflow(server: Asked, flow: str) -> None:
    ours_of: dict[str, str] = {}
    for call in RECORDED[flow]:
        where = urlsplit(call["path"])
        query = _renamed(parse_qs(where.query), ours_of)
        body = b"" if call["body"] is None else json.dumps(_renamed(call["body"], ours_of)).encode()
        path = "/".join(ours_of.get(part, part) for part in where.path.split("/"))
        reply = server.ask(call["method"], path, body, query=query)
        place = f"{flow}: {call['method']} {call['path']} {call['body']}"
        assert reply.status == call["status"], (place, reply, call["answer"])
        _learn(call["answer"], reply.json, ours_of)
        _compare(_renamed(call["answer"], ours_of), reply.json, place)


def _renamed(value: Any, ours_of: dict[str, str]) -> Any:
    """`value`, with what the recorded server called things replaced by what ours calls them."""
    if isinstance(value, dict):
        return {
            key: _id(one, ours_of) if key in IDS else _renamed(one, ours_of)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, ours_of) for one in value]
    is_long = isinstance(value, str) and len(value) == 32  # a run's id, wherever it stands
    return ours_of.get(value, value) if is_long else value


def _id(value: Any, ours_of: dict[str, str]) -> Any:
    return (
        [ours_of.get(v, v) for v in value] if isinstance(value, list) else ours_of.get(value, value)
    )


def _learn(theirs: Any, ours: Any, ours_of: dict[str, str]) -> None:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, value in theirs.items():
            if key in (*IDS, "next_page_token") and key in ours and value != "0":
                ours_of.setdefault(value, ours[key])
            elif key in ours:
                _learn(value, ours[key], ours_of)
    elif isinstance(theirs, list) and isinstance(ours, list):
        for one, other in zip(theirs, ours, strict=False):
            _learn(one, other, ours_of)


def _compare(theirs: Any, ours: Any, place: str) -> None:
    if isinstance(theirs, dict):
        missing = set(theirs) - set(ours) - NOT_OURS
        if ours.get("status") == "RUNNING":  # MLflow keeps the end of the time before
            missing -= {"end_time"}
        assert not missing, f"{place}: without {missing}"
        for key in set(theirs) & set(ours) - OWN:
            _compare(theirs[key], ours[key], f"{place} .{key}")
        for key in set(theirs) & set(ours) & OWN:
            assert type(theirs[key]) is type(ours[key]), f"{place} .{key}"
    elif isinstance(theirs, list):
        mine, other = (_in_order(_last_of_models(one)) for one in (ours, theirs))
        assert len(mine) == len(other), (place, ours, theirs)
        for one, two in zip(other, mine, strict=True):
            _compare(one, two, place)
    else:
        assert ours == theirs, place


def _last_of_models(given: list[Any]) -> list[Any]:
    """Of what a run measures of a logged model, the last is kept here; MLflow shows each point."""
    is_metrics = all(isinstance(one, dict) and {"key", "model_id"} <= one.keys() for one in given)
    return list({one["key"]: one for one in given}.values()) if is_metrics else given


def _in_order(given: list[Any]) -> list[Any]:
    """Tags, params and metrics have no order, nor have the latest versions of stages."""
    if all(isinstance(one, dict) and "current_stage" in one for one in given):
        return sorted(given, key=lambda one: (one["name"], int(one["version"])))
    has_keys = all(isinstance(one, dict) and "key" in one for one in given)
    shown = [one for one in given if not has_keys or one["key"] not in _MADE_UP]
    return sorted(shown, key=lambda one: (one["key"], one.get("step", 0))) if has_keys else given


_MADE_UP = ("mlflow.runName", "mlflow.user")
