"""Random commands from several writers, each with its own stale memory, against a registry that is a dict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from registered import MadeUpFacts, new_store, open_registry

from stageline.domain.policy import Policy
from stageline.domain.registry_events import StageChanged
from stageline.domain.registry_state import ModelState, fold
from stageline.errors import StagelineError

NAMES = ("wine", "beer")
STAGES = ("None", "Staging", "Production", "Archived")
WRITERS = ("ann", "bob", "eve")

names = st.sampled_from(NAMES)
# Most of what happens happens on the way to Production.
stages = st.sampled_from(["Production"] * 4 + ["Staging", "Staging", "None", "Archived"])
expected_stages = st.sampled_from([None] * 6 + list(STAGES))
writers = st.sampled_from(WRITERS)
numbers = st.integers(1, 3)
seldom = st.sampled_from([False] * 9 + [True])


class Refused(Exception):
    """The model of the registry says no."""


@dataclass
class Line:
    """A registered model, as simply as it can be said."""

    versions: dict[int, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    entered: dict[str, list[int]] = field(default_factory=dict)
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    """Stages that hold one version at most."""

    def need(self, number: int) -> None:
        if number not in self.versions:
            raise Refused

    def move(self, number: int, stage: str, *, archive: bool = False) -> None:
        if archive:
            for other, held in list(self.versions.items()):
                if held == stage and other != number:
                    self.enter(other, "Archived")
        if self.versions[number] != stage:
            self.enter(number, stage)

    def enter(self, number: int, stage: str) -> None:
        self.versions[number] = stage
        self.entered.setdefault(stage, []).append(number)
        for request in self.requests.values():
            if (request["version"], request["stage"]) == (number, stage):
                request["is_open"] = False

    def lets_in(self, number: int, stage: str, *, archive: bool) -> bool:
        others = [n for n, held in self.versions.items() if held == stage and n != number]
        return stage not in self.full or archive or not others


class AgainstASimpleModel(RuleBasedStateMachine):
    """Each rule does the same to both, and both must say yes or both no."""

    @initialize()
    def begin(self) -> None:
        self.store = new_store()
        self.facts = MadeUpFacts()
        self.registries = {
            writer: open_registry(self.store, writer, self.facts) for writer in WRITERS
        }
        self.lines: dict[str, Line] = {}
        self.next_version = dict.fromkeys(NAMES, 1)
        self.next_request = dict.fromkeys(NAMES, 1)
        for _ in range(3):
            self.register("ann", "wine")

    def both(self, real: Any, simple: Any) -> None:
        expected = True
        try:
            simple()
        except (Refused, KeyError):
            expected = False
        refusal: StagelineError | None = None
        try:
            real()
        except StagelineError as error:
            refusal = error
        assert (refusal is None) == expected, refusal or "was not refused"

    def line(self, name: str) -> Line:
        if name not in self.lines:
            raise Refused
        return self.lines[name]

    # -- models -----------------------------------------------------------------------------------

    @precondition(lambda self: len(self.lines) < len(NAMES))
    @rule(writer=writers, name=names)
    def create(self, writer: str, name: str) -> None:
        def simple() -> None:
            if name in self.lines:
                raise Refused
            self.lines[name] = Line()

        self.both(lambda: self.registries[writer].create_registered_model(name), simple)

    @rule(writer=writers, name=names, really=seldom)
    def delete(self, writer: str, name: str, really: bool) -> None:
        if really:
            self.both(lambda: self.registries[writer].delete(name), lambda: self.lines.pop(name))

    @rule(writer=writers, name=names, new_name=names, really=seldom)
    def rename(self, writer: str, name: str, new_name: str, really: bool) -> None:
        def simple() -> None:
            line = self.line(name)
            if new_name == name:
                return
            if new_name in self.lines:
                raise Refused
            self.lines[new_name] = line
            del self.lines[name]
            for numbers in (self.next_version, self.next_request):
                numbers[new_name] = max(numbers[name], numbers[new_name])

        gone = name not in self.lines and new_name in self.lines
        real = self.registries[writer].rename
        if (
            gone or not really
        ):  # one that was renamed like this before is answered as if it were asked again
            return
        self.both(lambda: real(name, new_name), simple)

    @rule(writer=writers, name=names, value=st.sampled_from(["x", "y"]))
    def tag(self, writer: str, name: str, value: str) -> None:
        self.both(
            lambda: self.registries[writer].set_tag(name, "k", value),
            lambda: self.line(name).tags.update(k=value),
        )

    # -- versions ---------------------------------------------------------------------------------

    @rule(writer=writers, name=names)
    def register(self, writer: str, name: str) -> None:
        number = self.next_version[name]
        self.lines.setdefault(name, Line()).versions[number] = "None"
        self.next_version[name] += 1
        assert self.registries[writer].register(name, source="s3://x").version == number

    @rule(writer=writers, name=names, number=numbers, really=seldom)
    def delete_version(self, writer: str, name: str, number: int, really: bool) -> None:
        if not really:
            return

        def simple() -> None:
            line = self.line(name)
            line.need(number)
            del line.versions[number]
            line.aliases = {a: n for a, n in line.aliases.items() if n != number}
            for request in line.requests.values():
                request["is_open"] &= request["version"] != number

        self.both(lambda: self.registries[writer].delete_version(name, number), simple)

    @rule(writer=writers, name=names, number=numbers, alias=st.sampled_from(["a", "b"]))
    def alias(self, writer: str, name: str, number: int, alias: str) -> None:
        def simple() -> None:
            self.line(name).need(number)
            self.line(name).aliases[alias] = number

        self.both(lambda: self.registries[writer].set_alias(name, alias, number), simple)

    # -- stages -----------------------------------------------------------------------------------

    @rule(
        writer=writers, name=names, stage=st.sampled_from(["Staging", "Production"]), really=seldom
    )
    def make_full(self, writer: str, name: str, stage: str, really: bool) -> None:
        if not really:
            return
        self.both(
            lambda: self.registries[writer].set_policy(name, stage, Policy(max_versions=1)),
            lambda: self.line(name).full.add(stage),
        )

    @rule(
        writer=writers, name=names, number=numbers, stage=stages, archive=st.booleans(),
        expected=expected_stages,
    )  # fmt: skip
    def transition(
        self, writer: str, name: str, number: int, stage: str, archive: bool, expected: str | None
    ) -> None:
        def simple() -> None:
            line = self.line(name)
            line.need(number)
            if archive and stage in ("None", "Archived"):
                raise Refused
            if expected is not None and line.versions[number] != expected:
                raise Refused
            others = [n for n, held in line.versions.items() if held == stage and n != number]
            if line.versions[number] == stage and not (archive and others):
                return
            if not line.lets_in(number, stage, archive=archive):
                self.next_request[name] += 1
                raise Refused
            line.move(number, stage, archive=archive)

        self.both(
            lambda: self.registries[writer].transition(
                name, number, stage.lower(), archive_existing=archive, expected_stage=expected
            ),
            simple,
        )

    @rule(writer=writers, number=numbers)
    def promote(self, writer: str, number: int) -> None:
        self.transition(writer, "wine", number, "Production", True, None)

    @rule(writer=writers, name=names, stage=stages)
    def rollback(self, writer: str, name: str, stage: str) -> None:
        def simple() -> None:
            line = self.line(name)
            if stage in ("None", "Archived"):
                raise Refused
            entered = line.entered.get(stage, [])
            inside = [at for at, n in enumerate(entered) if line.versions.get(n) == stage]
            if not inside:
                raise Refused
            current = entered[inside[-1]]
            before = [
                at
                for at in range(inside[-1])
                if entered[at] != current and entered[at] in line.versions
            ]
            if not before:
                raise Refused
            previous = entered[before[-1]]
            was_in = line.versions[previous]
            # The state's own reading of a rollback: the last one leaves, the one before is in.
            line.enter(current, "Archived")
            if was_in == stage:
                return
            held = line.entered[stage]
            last = len(held) - 1 - held[::-1].index(previous)
            line.entered[stage] = held[: last + 1]
            line.versions[previous] = stage
            for request in line.requests.values():
                if (request["version"], request["stage"]) == (previous, stage):
                    request["is_open"] = False

        self.both(lambda: self.registries[writer].rollback(name, stage), simple)

    # -- requests ---------------------------------------------------------------------------------

    @rule(writer=writers, name=names, number=numbers, stage=stages)
    def request(self, writer: str, name: str, number: int, stage: str) -> None:
        def simple() -> None:
            line = self.line(name)
            line.need(number)
            if line.versions[number] == stage:
                raise Refused
            for request in line.requests.values():
                if (request["version"], request["stage"]) == (number, stage) and request["is_open"]:
                    if request["by"] != writer:
                        raise Refused
                    return
            asked = self.next_request[name]
            self.next_request[name] += 1
            if not line.lets_in(number, stage, archive=False):
                raise Refused
            line.requests[asked] = {
                "version": number, "stage": stage, "by": writer, "is_open": True,
            }  # fmt: skip

        self.both(lambda: self.registries[writer].request_transition(name, number, stage), simple)

    @rule(writer=writers, name=names, number=numbers, approve=st.booleans())
    def answer(self, writer: str, name: str, number: int, approve: bool) -> None:
        def simple() -> None:
            line = self.line(name)
            request = line.requests[number]
            if not request["is_open"] or (approve and request["by"] == writer):
                raise Refused
            request["is_open"] = False
            if approve:
                if not line.lets_in(request["version"], request["stage"], archive=False):
                    raise Refused
                line.move(request["version"], request["stage"])

        registry = self.registries[writer]
        answer = registry.approve if approve else registry.reject
        self.both(lambda: answer(name, number), simple)

    # -- what always holds ------------------------------------------------------------------------

    @invariant()
    def all_see_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        reader = open_registry(self.store)
        found = {model.name: model for model in reader.list()}
        assert sorted(found) == sorted(self.lines)
        for name, line in self.lines.items():
            state = reader._ledger.state(name)
            assert {
                n: state.versions[str(n)].current_stage for n in state.numbers()
            } == line.versions
            assert (state.aliases, state.tags) == (line.aliases, line.tags)
            pending = {
                request.number: (request.version, request.to_stage, request.requested_by)
                for _, request in reader.requests(name)
            }
            assert pending == {
                number: (request["version"], request["stage"], request["by"])
                for number, request in line.requests.items()
                if request["is_open"]
            }

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        reader = open_registry(self.store)
        told = reader.follow().events
        changes = 0
        for proof in reader.verify_all():
            assert proof.is_intact
            state = ModelState(name=proof.name)
            for number in range(1, proof.entries + 1):
                entry = reader._ledger.entry(proof.name, number)[0]
                state = fold(state, entry.happened, entry.time)
                assert state == entry.state, "the state is what the events add up to"
                changes += sum(isinstance(event, StageChanged) for event in entry.happened)
        assert len(told) == len({event.key for event in told}) == changes


TestAgainstASimpleModel = AgainstASimpleModel.TestCase
TestAgainstASimpleModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
