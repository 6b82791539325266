"""Gates in flows: a version that may not enter fails, skips or pauses; who answers is in the registry's history."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect import flow, task
from prefect.exceptions import CancelledRun
from prefect.states import State

from prefect_stageline import (
    Tracking,
    request_transition,
    require_stage,
    tracked_flow,
    tracked_task,
)
from stageline import log_metric
from stageline.errors import NotAllowed
from stageline.registry import (
    GateRefused,
    MetricRule,
    Policy,
    RequestStatus,
    TransitionRequest,
)
from stageline.workspace import Workspace

GIVE_UP_S = 120.0
NEEDS_BOB = Policy(
    rules=(MetricRule(condition="metrics.rmse < 0.8"),), approvals=1, approvers=("bob", "cid")
)


@tracked_task
def train(rmse: float) -> None:
    log_metric("rmse", rmse)


@pytest.fixture
def model(workspace: Workspace) -> Callable[..., str]:
    """A model of one version, whose run has that error, behind a policy."""

    def made(name: str, policy: Policy, rmse: float = 0.5) -> str:
        with workspace.runs.create(run_name=f"of {name}") as run:
            run.log_metric("rmse", rmse)
        workspace.registry.register(name, source="s3://models/1", run_id=run.run_id)
        workspace.registry.set_policy(name, "Production", policy)
        return name

    return made


def stage_of(workspace: Workspace, name: str) -> str:
    return workspace.registry.get_version(name, 1).current_stage


def test_an_open_gate_lets_pass_and_moves_nothing(workspace: Workspace, model: Any):
    model("wine", Policy(rules=NEEDS_BOB.rules))
    before = len(workspace.registry.history("wine"))

    @flow
    def gated() -> int:
        return require_stage("wine", "Production")

    assert gated() == 1
    assert stage_of(workspace, "wine") == "None"
    assert len(workspace.registry.history("wine")) == before


def test_a_shut_gate_fails_the_task_with_its_table(workspace: Workspace, model: Any):
    model("wine", Policy(rules=NEEDS_BOB.rules), rmse=0.9)

    @flow
    def gated() -> None:
        require_stage("wine", "production", version=1)

    with pytest.raises(GateRefused, match=r"metrics\.rmse is 0\.9, required < 0\.8") as refused:
        gated()
    assert refused.value.decision is not None
    assert [one.measured for one in refused.value.decision.results] == ["0.9"]


def test_a_version_that_is_there_passes_whatever_the_gate_says(workspace: Workspace, model: Any):
    model("wine", Policy())
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.set_policy("wine", "Production", NEEDS_BOB)
    assert require_stage.fn("wine", "Production") == 1


def test_a_skipped_gate_keeps_from_running_what_depends_on_it(workspace: Workspace, model: Any):
    model("wine", Policy(rules=NEEDS_BOB.rules), rmse=0.9)
    ran: list[str] = []

    @task
    def deploy() -> None:
        ran.append("deploy")

    @task
    def report() -> None:
        ran.append("report")

    @flow
    def gated() -> list[State[Any]]:
        gate = require_stage.submit("wine", "Production", on_block="skip")
        deployed = deploy.submit(wait_for=[gate])
        told = report.submit()
        for future in (gate, deployed, told):
            future.wait()
        states = [future.state for future in (gate, deployed, told)]
        assert [(state.type.value, state.name) for state in states] == [
            ("CANCELLED", "Skipped"),
            ("PENDING", "NotReady"),
            ("COMPLETED", "Completed"),
        ]
        assert "metrics.rmse is 0.9" in str(states[0].message)
        return []

    gated()
    assert ran == ["report"]


def test_a_skipped_gate_in_the_flows_own_code_ends_the_flow(workspace: Workspace, model: Any):
    model("wine", Policy(rules=NEEDS_BOB.rules), rmse=0.9)

    @task
    def plain() -> None:
        require_stage.fn("wine", "Production", on_block="skip")

    @flow
    def gated(gate: Any) -> None:
        gate()

    def called() -> None:
        require_stage("wine", "Production", on_block="skip")

    def with_options() -> None:
        require_stage.with_options(tags=["a"])("wine", "Production", on_block="skip")

    for gate in (called, with_options, plain):
        with pytest.raises(CancelledRun, match=r"metrics\.rmse is 0\.9"):
            gated(gate)
    state = require_stage("wine", "Production", on_block="skip", return_state=True)
    assert (state.type.value, state.name) == ("CANCELLED", "Skipped")


def test_a_coroutine_flow_goes_on_while_a_gate_waits(
    workspace: Workspace, model: Any, prefect_server: str
):
    model("wine", NEEDS_BOB)
    ticks: list[int] = []

    @flow(name="coroutine")
    async def coroutine() -> int:
        gate = asyncio.create_task(
            asyncio.to_thread(
                require_stage, "wine", "Production", on_block="pause", poll_interval_s=1
            )
        )
        while not gate.done():
            ticks.append(1)
            await asyncio.sleep(0.05)
        return gate.result()

    with answering(prefect_server, "coroutine") as answers:
        answers.give(answer="approve", name="bob")
        assert asyncio.run(coroutine()) == 1
    assert len(ticks) > 1
    assert stage_of(workspace, "wine") == "Production"


def test_a_gate_that_no_approval_opens_does_not_pause(workspace: Workspace, model: Any):
    model("wine", NEEDS_BOB, rmse=0.9)

    @flow
    def gated() -> None:
        require_stage("wine", "Production", on_block="pause")

    with pytest.raises(GateRefused, match="No approval opens it"):
        gated()
    assert workspace.registry.requests("wine", status=None) == []


def test_an_approval_by_rest_moves_the_version_and_names_the_person(
    workspace: Workspace, model: Any, prefect_server: str
):
    model("wine", NEEDS_BOB)

    @tracked_flow(name="approved", tracking=Tracking(experiment="gates"))
    def approved() -> str:
        require_stage("wine", "Production", on_block="pause", poll_interval_s=1, comment="best")
        return stage_of(workspace, "wine")

    with answering(prefect_server, "approved") as answers:
        answers.give(answer="approve", name="bob", comment="looks right")
        assert approved() == "Production"
    (question,) = answers.questions
    for shown in ("metrics.rmse", "0.5", "< 0.8", "approvals", "best", "of wine"):
        assert shown in question
    last = workspace.registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("bob", "looks right")
    ((_, request),) = workspace.registry.requests("wine", status=None)
    assert (request.status, request.closed_by) == (RequestStatus.APPROVED, "bob")
    asked = workspace.registry.history("wine")[-2]
    assert asked.run_id is not None
    assert workspace.runs.get(asked.run_id).data.tags["stageline.pipeline"] == "approved"


def test_a_rejection_fails_the_task_and_is_in_the_history(
    workspace: Workspace, model: Any, prefect_server: str
):
    model("wine", NEEDS_BOB)

    @flow(name="rejected")
    def rejected() -> None:
        require_stage("wine", "Production", on_block="pause", poll_interval_s=1)

    with answering(prefect_server, "rejected") as answers:
        answers.give(answer="reject", name="cid", comment="not in december")
        with pytest.raises(NotAllowed, match="was rejected by 'cid': not in december"):
            rejected()
    last = workspace.registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("cid", "not in december")
    assert stage_of(workspace, "wine") == "None"


def test_who_may_not_answer_is_told_so_and_somebody_else_is_asked(
    workspace: Workspace, model: Any, prefect_server: str
):
    model("wine", NEEDS_BOB)

    @flow(name="asked-twice")
    def asked_twice() -> int:
        return require_stage("wine", "Production", on_block="pause", poll_interval_s=1)

    with answering(prefect_server, "asked-twice") as answers:
        answers.give(answer="approve", name="mallory")
        answers.give(answer="approve", name="bob")
        assert asked_twice() == 1
    first, second = answers.questions
    assert "mallory" not in first
    assert "'mallory' may not decide request 1" in second
    assert [one.actor for one in workspace.registry.history("wine")][-1] == "bob"


def test_an_answer_elsewhere_resumes_the_flow(
    workspace: Workspace, model: Any, prefect_server: str
):
    model("wine", NEEDS_BOB)

    @flow(name="answered-elsewhere")
    def answered_elsewhere() -> int:
        return require_stage("wine", "Production", on_block="pause", poll_interval_s=1)

    with answering(prefect_server, "answered-elsewhere") as answers:
        answers.call(lambda: workspace.registry.approve("wine", 1, actor="bob"))
        assert answered_elsewhere() == 1
    assert stage_of(workspace, "wine") == "Production"


def test_nobody_answers_and_the_request_is_withdrawn(workspace: Workspace, model: Any):
    model("wine", NEEDS_BOB)

    @flow
    def waiting() -> None:
        require_stage("wine", "Production", on_block="pause", timeout_s=1, poll_interval_s=1)

    with pytest.raises(NotAllowed, match="nobody answered request 1 of 'wine' within 1 s"):
        waiting()
    ((_, request),) = workspace.registry.requests("wine", status=None)
    assert request.status is RequestStatus.CANCELLED
    assert stage_of(workspace, "wine") == "None"


def test_a_request_is_asked_from_a_flow_and_answered_later(workspace: Workspace, model: Any):
    model("wine", NEEDS_BOB)

    @flow
    def asking() -> int:
        return request_transition("wine", "Production", comment="best")

    number = asking()
    request: TransitionRequest = workspace.registry.get_request("wine", number)
    assert (request.status, request.comment) == (RequestStatus.PENDING, "best")


# -- a person, by REST ------------------------------------------------------------------------------


class Answers:
    """What a person does, in order, each time the flow run of a name is found paused."""

    def __init__(self, server: str, flow_name: str) -> None:
        self.questions: list[str] = []
        self._server = server
        self._flow_name = flow_name
        self._todo: list[Callable[[str], None]] = []
        self._seen: set[str] = set()

    def give(self, **answer: str) -> None:
        self._todo.append(lambda run_id: self._resume(run_id, answer))

    def call(self, function: Callable[[], object]) -> None:
        self._todo.append(lambda run_id: void(function()))

    def work(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.1):
            for run_id, key in self._paused() if self._todo else ():
                if key not in self._seen and self._question(run_id, key):
                    self._seen.add(key)
                    self._todo.pop(0)(run_id)

    def _paused(self) -> Iterator[tuple[str, str]]:
        found = self._post(
            "flow_runs/filter",
            {
                "flows": {"name": {"any_": [self._flow_name]}},
                "flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}},
            },
        )
        for run in found:
            yield run["id"], run["state"]["state_details"]["run_input_keyset"]["description"]

    def _question(self, run_id: str, key: str) -> bool:
        found = self._post(f"flow_runs/{run_id}/input/filter", {"prefix": key})
        if found:
            self.questions.append(json.loads(found[0]["value"]))
        return bool(found)

    def _resume(self, run_id: str, answer: dict[str, str]) -> None:
        told = self._post(f"flow_runs/{run_id}/resume", {"run_input": answer})
        assert told["status"] == "ACCEPT", told

    def _post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self._server}/{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=GIVE_UP_S) as response:
            return json.load(response)


def void(value: object) -> None:
    """Nothing."""


@contextmanager
def answering(server: str, flow_name: str) -> Iterator[Answers]:
    answers, is_over = Answers(server, flow_name), threading.Event()
    person = threading.Thread(target=answers.work, args=(is_over,))
    person.start()
    try:
        yield answers
    finally:
        is_over.set()
        person.join(GIVE_UP_S)
