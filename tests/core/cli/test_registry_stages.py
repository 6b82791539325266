"""Gates, transitions, requests, policies and rollback from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import Cli

from stageline import Workspace

POLICY = """
rules:
  - rule: metric
    condition: metrics.rmse < 0.8
  - rule: tag
    key: reviewed
    blocks: false
approvals: 1
approvers: [lead]
roles:
  lead: [bob, cid]
"""


@pytest.fixture
def gated(cli: Cli, workspace: Workspace, tmp_path: Path) -> Cli:
    """`wine` with a version that is good enough for Production, and one that is not."""
    for rmse in (0.5, 0.9):
        run = workspace.runs.create(experiment_name="wine")
        run.log_metrics({"rmse": rmse})
        run.end()
        workspace.registry.register("wine", run.info.run_id)
    (tmp_path / "policy.yaml").write_text(POLICY)
    cli.ok("registry", "policy", "set", "wine", "production", str(tmp_path / "policy.yaml"))
    return cli


def stages(cli: Cli) -> dict[int, str]:
    found = cli.json("registry", "versions", "wine")["versions"]
    return {one["version"]: one["current_stage"] for one in found}


def test_the_gate_shows_each_rule_with_what_was_measured(gated: Cli) -> None:
    answer = gated("registry", "gate", "models:/wine/2", "Production")
    assert answer.code == 1
    first, _, _, *rows = answer.out.splitlines()
    assert first == "version 2: None -> Production is refused"
    assert [row.split()[-1] for row in rows] == ["blocks", "warns", "blocks"]
    assert rows[0].split()[:2] == ["metrics.rmse", "0.9"]
    shown = json.loads(gated("registry", "gate", "models:/wine/2", "Production", "--json").out)
    assert [one["passed"] for one in shown["results"]] == [False, False, False]
    assert [one["blocks"] for one in shown["results"]] == [True, False, True]
    assert gated("registry", "gate", "models:/wine/2", "Staging").code == 0
    assert "nothing is demanded" in gated.ok("registry", "gate", "models:/wine/2", "Staging")
    assert [
        one.split()[2:4] for one in gated.ok("registry", "versions", "wine").splitlines()[1:]
    ] == [
        ["2", "block"],
        ["needs", "approval"],
    ]


def test_a_refused_transition_says_why_and_is_recorded(gated: Cli) -> None:
    answer = gated("registry", "transition", "models:/wine/2", "Production", "--as", "eve")
    assert answer.code == 6
    assert "metrics.rmse is 0.9, required < 0.8" in answer.err
    assert "version 2: None -> Production is refused" in answer.err
    told = json.loads(gated("registry", "transition", "models:/wine/2", "Production", "--json").out)
    assert told["error"]["code"] == "not_allowed"
    assert stages(gated) == {1: "None", 2: "None"}
    refused = gated.json("registry", "requests", "wine", "--status", "refused")["requests"]
    assert refused[0]["requested_by"] == "eve"


def test_a_request_is_found_in_the_inbox_and_approved(gated: Cli) -> None:
    asked = gated.json(
        "registry", "request", "models:/wine/1", "Production", "-m", "please", "--as", "eve"
    )
    assert (asked["number"], asked["status"], asked["requested_by"]) == (1, "pending", "eve")
    inbox = gated.ok("registry", "requests")
    assert "None -> Production" in inbox
    assert "please" in inbox
    assert gated("registry", "approve", "wine", "1", "--as", "eve").code == 6
    done = gated.ok("registry", "approve", "wine", "1", "-m", "fine", "--as", "bob")
    assert (
        done == "request 1 of 'wine' is approved (version 1: None -> Production; approved by bob)\n"
    )
    assert stages(gated) == {1: "Production", 2: "None"}
    assert "no such requests" in gated.ok("registry", "requests")
    everything = gated.json("registry", "requests", "--status", "all")["requests"]
    assert [one["status"] for one in everything] == ["approved"]
    assert gated("registry", "approve", "wine", "1", "--as", "cid").code == 5
    assert gated("registry", "requests", "--status", "odd").code == 2


def test_a_request_is_rejected_or_cancelled(gated: Cli) -> None:
    for word, actor in (("reject", "bob"), ("cancel", "eve")):
        asked = gated.json("registry", "request", "models:/wine/1", "Production", "--as", "eve")
        number = str(asked["number"])
        closed = gated.json("registry", word, "wine", number, "-m", "no", "--as", actor)
        assert (closed["status"][:6], closed["closing_comment"]) == (word[:6], "no")
    assert gated("registry", "cancel", "wine", "9").code == 3
    assert gated("registry", "reject", "wine", "zero").code == 2
    assert stages(gated) == {1: "None", 2: "None"}


def test_a_transition_archives_compares_and_is_rolled_back(cli: Cli) -> None:
    for source in ("s3://1", "s3://2"):
        cli.ok("registry", "register", "wine", "--from", source)
    cli.ok("registry", "transition", "models:/wine/1", "Production", "-m", "first")
    line = ("registry", "transition", "models:/wine/2", "Production", "--archive-existing")
    assert cli(*line, "--expected-stage", "Staging").code == 5
    assert cli.json(*line, "--expected-stage", "none")["current_stage"] == "Production"
    assert stages(cli) == {1: "Archived", 2: "Production"}
    back = cli.ok("registry", "rollback", "wine", "Production", "-m", "worse at night")
    assert back == "version 1 of 'wine' is in Production again\n"
    assert stages(cli) == {1: "Production", 2: "Archived"}
    assert cli("registry", "rollback", "wine", "Production").code == 3
    assert cli("registry", "transition", "models:/wine/2", "Moon").code == 2


def test_a_policy_is_shown_in_the_form_that_it_is_set_in(gated: Cli, tmp_path: Path) -> None:
    text = gated.ok("registry", "policy", "show", "wine", "Production")
    shown = gated.json("registry", "policy", "show", "wine")
    (tmp_path / "again.yaml").write_text(text)
    gated.ok("registry", "policy", "set", "wine", "Staging", str(tmp_path / "again.yaml"))
    (tmp_path / "again.json").write_text(json.dumps(shown["Production"]))
    gated.ok("registry", "policy", "set", "wine", "Archived", str(tmp_path / "again.json"))
    policies = gated.json("registry", "policy", "show", "wine")
    assert policies["Production"] == policies["Staging"] == policies["Archived"]
    gated.ok("registry", "policy", "delete", "wine", "Staging")
    assert "has no policy" in gated.ok("registry", "policy", "show", "wine", "Staging")
    assert gated.json("registry", "policy", "show", "wine", "Staging") is None
    assert gated.ok("registry", "policy", "show", "wine").startswith("# Production\n")


def test_a_policy_comes_from_standard_input_too(gated: Cli) -> None:
    line = ("registry", "policy", "set", "wine", "Staging", "-")
    assert gated(*line, stdin="max_versions: 1").code == 0
    assert gated.json("registry", "policy", "show", "wine", "Staging") == {"max_versions": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "mapping"),
        ("[1", "not plain YAML"),
        ("aprovals: 1", "unknown aprovals"),
        ("rules: [{rule: metrc}]", "Invalid policy"),
        ("rules: [{rule: metric, condition: metrics.rmsee < 1}]", "Did you mean 'rmse'"),
        ("rules: [{rule: check, name: nosuch}]", "no check 'nosuch' is installed"),
        ("!!python/object/apply:os.system [id]", "Invalid policy"),
    ],
)
def test_a_policy_that_means_nothing_changes_nothing(
    gated: Cli, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    before = gated.json("registry", "policy", "show", "wine")
    answer = gated("registry", "policy", "set", "wine", "Production", str(tmp_path / "bad.yaml"))
    assert (answer.code, told in answer.err) == (2, True), answer.err
    assert gated.json("registry", "policy", "show", "wine") == before
    missing = gated("registry", "policy", "set", "wine", "Production", str(tmp_path / "no.yaml"))
    assert (missing.code, "can not be read" in missing.err) == (2, True)


def test_an_unknown_metric_is_taken_on_request(gated: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("rules: [{rule: metric, condition: metrics.auc > 0.5}]")
    line = ("registry", "policy", "set", "wine", "Staging", str(tmp_path / "p.yaml"))
    refused = gated(*line)
    assert (refused.code, "(--allow-unknown)" in refused.err) == (2, True)
    assert gated(*line, "--allow-unknown").code == 0


def test_a_policy_may_come_before_the_first_version(cli: Cli, tmp_path: Path) -> None:
    cli.ok("registry", "create", "beer")
    (tmp_path / "p.yaml").write_text("rules: [{rule: better, metric: auc, direction: max}]")
    answer = cli("registry", "policy", "set", "beer", "Production", str(tmp_path / "p.yaml"))
    assert (answer.code, "auc is taken as it is spelt" in answer.err) == (0, True)
    assert "spelt" not in cli("registry", "policy", "delete", "beer", "Production").err
