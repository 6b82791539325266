"""What people and events are told of a transition."""

from __future__ import annotations

import json

from registered import MadeUpFacts, new_store, open_registry, run

from stageline.registry import MetricRule, Policy
from stageline.tasks import (
    gate_markdown,
    last_transition,
    transition_markdown,
    transition_values,
)


class Shown:
    """A workspace that has nothing but a registry."""

    def __init__(self) -> None:
        facts = MadeUpFacts({"a" * 32: run("a", rmse=0.9), "b" * 32: run("b", rmse=0.5)})
        self.registry = open_registry(new_store(), facts=facts)
        for run_id in facts.runs:
            self.registry.register("wine|<b>", run_id=run_id)
        self.registry.transition("wine|<b>", 1, "Production")
        rule = MetricRule(condition="metrics.rmse < 0.7")
        self.registry.set_policy("wine|<b>", "Production", Policy(rules=(rule,)))


def test_rules_are_shown_with_what_was_measured_and_what_is_required():
    shown = Shown()

    text = gate_markdown(shown.registry.check_gate("wine|<b>", 1, "Production"))

    assert "| `metrics.rmse` | `0.9` | `< 0.7` | **fails** |" in text


def test_a_candidate_is_shown_beside_what_is_there_and_no_name_is_read_as_markdown():
    shown = Shown()
    decision = shown.registry.check_gate("wine|<b>", 2, "Production")

    text = transition_markdown(shown, "wine|<b>", 2, decision)

    assert "| `rmse` | 0.5 | 0.9 |" in text
    assert "`wine¦<b> version 2`" in text
    assert "where version 1 is now" in text


def test_an_event_carries_what_happened_and_what_the_version_is():
    registry = Shown().registry
    (event,) = registry.follow().events

    told = transition_values(registry, event)

    assert json.loads(json.dumps(told)) == told
    assert told["key"] == event.key
    assert (told["model"], told["version"], told["stage"]) == ("wine|<b>", 1, "Production")
    assert (told["run_id"], told["metrics"]) == ("a" * 32, {"rmse": 0.9})


def test_an_event_about_a_version_that_is_gone_still_tells_what_happened():
    registry = Shown().registry
    (event,) = registry.follow().events
    registry.transition("wine|<b>", 1, "None")
    registry.delete_version("wine|<b>", 1)

    told = transition_values(registry, event)

    assert (told["version"], told["run_id"], told["metrics"]) == (1, None, {})


def test_the_last_transition_is_told_as_the_feed_tells_it():
    registry = Shown().registry
    (event,) = registry.follow().events

    found = last_transition(registry, "wine|<b>", 1)

    assert found is not None
    assert found.key == event.key
    assert last_transition(registry, "wine|<b>", 2) is None
