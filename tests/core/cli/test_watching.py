"""Waiting for runs and following them, while real processes log to them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from shell import Cli
from training import Training, command

from stageline import Workspace
from stageline.cli.waiting import Outcome
from stageline.domain.run import RunStatus

POLL = ("--poll", "0.05")


@pytest.fixture
def training(local_cli: Cli) -> Iterator[Training]:
    process = Training(local_cli.url)
    yield process
    process.close()


def run(workspace: Workspace, status: RunStatus = RunStatus.FINISHED, **metrics: float) -> None:
    opened = workspace.runs.create(run_name="one")
    opened.log_metrics(metrics)
    opened.log_param("alpha", 1)
    opened.end(status)


@pytest.mark.parametrize(
    ("status", "until", "outcome"),
    [
        (RunStatus.FINISHED, "", Outcome.MET),
        (RunStatus.FAILED, "", Outcome.FAILED),
        (RunStatus.KILLED, "", Outcome.KILLED),
        (RunStatus.FINISHED, "metrics.acc >= 0.9", Outcome.MET),
        (RunStatus.FAILED, "metrics.acc >= 0.9", Outcome.MET),
        (RunStatus.FINISHED, "metrics.acc >= 0.99", Outcome.NOT_MET),
        (RunStatus.FINISHED, "metrics.absent >= 0", Outcome.NOT_MET),
        (RunStatus.FAILED, "metrics.acc >= 0.99", Outcome.FAILED),
        (RunStatus.KILLED, "metrics.acc >= 0.99", Outcome.KILLED),
        (
            RunStatus.FINISHED,
            "metrics.acc > 0.9 and params.alpha = '1' and status = 'FINISHED'",
            Outcome.MET,
        ),
        (RunStatus.FINISHED, "tags.absent IS NULL", Outcome.MET),
        (RunStatus.FINISHED, "datasets.name = 'wine'", Outcome.NOT_MET),
    ],
)
def test_exit_codes_of_a_wait_for_a_run_that_is_over(
    status: RunStatus, until: str, outcome: Outcome, cli: Cli, workspace: Workspace
) -> None:
    run(workspace, status, acc=0.95)
    answer = cli("runs", "wait", "one", "--json", *(["--until", until] if until else []))
    assert answer.code == outcome
    assert json.loads(answer.out)["outcome"] == outcome.name.lower()


def test_the_help_tells_every_exit_code_of_a_wait(cli: Cli) -> None:
    shown = cli.ok("runs", "wait", "--help")
    assert all(f" {int(outcome)} " in shown for outcome in Outcome)


def test_a_wait_runs_out_of_time_while_the_run_goes_on(local_cli: Cli, training: Training) -> None:
    answer = local_cli("runs", "wait", "train", "--timeout", "0.1", *POLL)
    assert answer.code == Outcome.TIMED_OUT
    assert "train is RUNNING" in answer.out


def test_a_wait_ends_as_soon_as_the_condition_holds(local_cli: Cli, training: Training) -> None:
    training.tell("acc=0.5")
    waiting = command(
        local_cli.url, "runs", "wait", "train", "--until", "metrics.acc >= 0.9", *POLL
    )
    training.tell("acc=0.7", "acc=0.9")
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, err) == (Outcome.MET, "")
    assert "train is RUNNING" in out
    assert training.process.poll() is None


def test_a_wait_ends_with_the_run(local_cli: Cli, training: Training) -> None:
    waiting = command(local_cli.url, "runs", "wait", "train", *POLL)
    training.tell("acc=0.5")
    training.end("fail=no more data")
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == Outcome.FAILED
    assert "ValueError: no more data" in out


def test_a_wait_notices_that_the_process_vanished(local_cli: Cli, training: Training) -> None:
    waiting = command(local_cli.url, "runs", "wait", "train", *POLL)
    training.process.kill()
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == Outcome.KILLED
    assert "is gone" in out


def test_a_wait_for_nothing_that_exists_is_an_error(cli: Cli) -> None:
    assert cli("runs", "wait", "nobody").code == 3
    assert cli("runs", "wait", "nobody", "--until", "metrics.acc >").code == 2


def test_a_tail_follows_what_a_run_prints_until_it_ends(local_cli: Cli, training: Training) -> None:
    training.tell("say=first")
    following = command(local_cli.url, "runs", "tail", "train", "-f", *POLL)
    assert following.stdout is not None
    assert following.stdout.readline() == "first\n"
    training.tell("say=second")
    assert following.stdout.readline() == "second\n"
    training.tell("say=third", "say=third")
    training.end()
    out, err = following.communicate(timeout=60)
    assert (out, err, following.returncode) == ("third\nthird\n", "", 0)


def test_a_tail_of_a_metric_prints_its_points_as_they_come(
    local_cli: Cli, training: Training
) -> None:
    training.tell("loss=0.5", "loss=nan")
    following = command(
        local_cli.url, "--json", "runs", "tail", "train", "--metric", "loss", "-f", *POLL
    )
    assert following.stdout is not None
    assert [json.loads(following.stdout.readline())["value"] for _ in range(2)] == [0.5, "NaN"]
    training.tell("loss=0.25")
    training.end()
    out, _ = following.communicate(timeout=60)
    assert [json.loads(line)["value"] for line in out.splitlines()] == [0.25]


def test_an_interrupted_tail_ends_quietly(local_cli: Cli, training: Training) -> None:
    training.tell("say=first")
    following = command(local_cli.url, "runs", "tail", "train", "-f", *POLL)
    assert following.stdout is not None
    following.stdout.readline()
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=60)
    assert (following.returncode, err) == (130, "")


def test_a_tail_says_where_there_is_nothing(cli: Cli, workspace: Workspace) -> None:
    run(workspace, loss=1.0)
    assert "printed nothing" in cli("runs", "tail", "one").err
    assert "no metric 'los'" in cli("runs", "tail", "one", "--metric", "los").err
    assert cli.ok("runs", "tail", "one", "--metric", "loss").split()[-2:] == ["0", "1"]


def test_vanished_runs_are_reaped_with_the_reason(local_cli: Cli, training: Training) -> None:
    training.tell("loss=1")
    assert local_cli.json("runs", "reap") == {"reaped": []}
    assert "no run has vanished" in local_cli.ok("runs", "reap")
    training.close()
    (reaped,) = local_cli.json("runs", "reap")["reaped"]
    assert "is gone" in reaped["reason"]
    shown = local_cli.json("runs", "show", "train")
    assert (shown["status"], shown["metrics"]) == ("KILLED", {"loss": 1.0})
