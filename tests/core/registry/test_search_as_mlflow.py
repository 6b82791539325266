"""The same searches put to MLflow's own registry, as `make_recorded_searches.py` recorded them, and to ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from registered import new_store

from stageline.domain.model import VersionFacts
from stageline.errors import InvalidInput
from stageline.registry.registry import Registry
from stageline.testing.clock import FixedClock

RECORD = json.loads(Path(__file__).with_name("recorded_searches.json").read_text("utf-8"))
TIME, STEP = 1_700_000_000_000, 1_000

REFUSED, FOUND = "refused here", "found here"
OTHERWISE = {
    # Backticks around an attribute's name: harmless, and read in searches for runs.
    "models `name` = 'wine' ": FOUND,
    # When a model was made is worth an ordering.
    "models  creation_timestamp": FOUND,
    "models  creation_timestamp DESC": FOUND,
    # SQLite folds the case of ASCII alone; a database of another kind answers as we do.
    "models name ILIKE 'ÜBER' ": FOUND,
    # A number in quotes is text, as it is for metrics.
    "versions version_number = '1' ": REFUSED,
}


class Facts:
    """Runs without metrics, whose models lie where they are said to lie."""

    def look(
        self, run_id: str | None, artifact_path: str | None, source: str | None
    ) -> VersionFacts:
        return VersionFacts(source=source or "")


@pytest.fixture(scope="module")
def registry() -> Registry:
    clock = FixedClock(TIME)
    registry = Registry.of(new_store(), clock, Facts(), "ann")
    for number, (command, name, *rest) in enumerate(RECORD["done"]):
        clock.set(TIME + number * STEP)
        carry_out(registry, command, name, rest)
    return registry


def carry_out(registry: Registry, command: str, name: str, rest: list[Any]) -> None:
    match command, rest:
        case "model", [tags]:
            registry.create_registered_model(name, tags)
        case "version", [source, run_id, tags]:
            registry.register(name, run_id, source=source, tags=tags, digest=source)
        case "stage", [version, stage]:
            registry.transition(name, version, stage)
        case "describe version", [version, text]:
            registry.set_version_description(name, version, text)
        case "describe model", [text]:
            registry.set_description(name, text)
        case "delete version", [version]:
            registry.delete_version(name, version)


def models(registry: Registry, text: str, order: list[str]) -> list[str]:
    return [one.name for one in registry.search_registered_models(text, 1000, order)]


def versions(registry: Registry, text: str, order: list[str]) -> list[str]:
    found = registry.search_model_versions(text, 1000, order)
    return [f"{one.name}/{one.version}" for one in found]


CASES = [
    pytest.param(search, *case, id=f"{search.__name__} {case[0]} {' '.join(case[1])}")
    for search, name in ((models, "models"), (versions, "versions"))
    for case in RECORD[name]
]


def test_every_difference_is_still_asked_about() -> None:
    assert set(OTHERWISE) <= {case.id for case in CASES}


@pytest.mark.parametrize(("search", "text", "order", "found"), CASES)
def test_search_finds_what_mlflow_finds_in_its_order(
    registry: Registry, search: Any, text: str, order: list[str], found: list[str] | None
) -> None:
    otherwise = OTHERWISE.get(f"{search.__name__} {text} {' '.join(order)}")
    if otherwise == FOUND:
        assert search(registry, text, order), "and MLflow refuses, or finds nothing"
        assert not found
    elif found is None or otherwise == REFUSED:
        with pytest.raises(InvalidInput):
            search(registry, text, order)
    else:
        assert search(registry, text, order) == found
