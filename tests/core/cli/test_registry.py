"""Registered models and their versions from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import Cli

from stageline import Workspace


def trained(workspace: Workspace, **metrics: float) -> str:
    """A run with a folder that looks like a model."""
    run = workspace.runs.create(experiment_name="wine")
    run.log_metrics(metrics)
    run.end()
    run_id = run.info.run_id
    folder = Path(str(workspace.settings.cache_folder)) / run_id
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(f"signature:\n  inputs: '{run_id}'\n")
    workspace.artifacts(run_id).log_folder(folder, "model")
    return run_id


@pytest.fixture
def runs(workspace: Workspace) -> list[str]:
    """Three runs, each better than the one before."""
    return [trained(workspace, rmse=rmse) for rmse in (0.9, 0.7, 0.6)]


def register_all(cli: Cli, runs: list[str]) -> None:
    for run_id in runs:
        cli.ok("registry", "register", "wine", "--run", run_id)


def test_a_model_is_made_described_tagged_renamed_and_deleted(cli: Cli) -> None:
    made = cli.json("registry", "create", "wine", "--tag", "team=risk", "--as", "ann")
    assert (made["name"], made["tags"]) == ("wine", {"team": "risk"})
    assert made["stages"] == ["None", "Staging", "Production", "Archived"]
    assert cli.json("registry", "describe", "wine", "How good is it")["description"]
    assert cli.json("registry", "tag", "wine", "a=b=c")["tags"] == {"team": "risk", "a": "b=c"}
    assert cli.json("registry", "untag", "wine", "team", "absent")["tags"] == {"a": "b=c"}
    assert cli.json("registry", "rename", "wine", "beer")["name"] == "beer"
    assert cli.json("registry", "delete", "beer", "--yes") == {"deleted": "beer"}
    assert cli.json("registry", "list") == {"models": [], "has_more": False}
    assert "no such models" in cli.ok("registry", "list")


def test_a_model_may_have_stages_of_its_own(cli: Cli) -> None:
    words = [word for stage in ("new", "live", "gone") for word in ("--stage", stage)]
    made = cli.json("registry", "create", "wine", *words, "--archive-stage", "gone")
    assert (made["stages"], made["archive_stage"]) == (["new", "live", "gone"], "gone")
    cli.ok("registry", "register", "wine", "--from", "s3://bucket/wine")
    assert cli.json("registry", "transition", "models:/wine/1", "LIVE")["current_stage"] == "live"
    assert "gate to live" in cli.ok("registry", "versions", "wine")


def test_models_are_listed_with_their_stages_and_filtered(cli: Cli, runs: list[str]) -> None:
    register_all(cli, runs)
    cli.ok("registry", "transition", "models:/wine/2", "production")
    cli.ok("registry", "create", "beer", "--tag", "team=bar")
    shown = cli.ok("registry", "list")
    assert "Production 2" in shown
    assert "team=bar" in shown
    found = cli.json("registry", "list", "--filter", "tags.team = 'bar'")["models"]
    assert [model["name"] for model in found] == ["beer"]
    assert "there are more" in cli.ok("registry", "list", "--limit", "1")
    assert cli("registry", "list", "--filter", "metrics.a > 1").code == 2


def test_a_version_is_registered_from_a_run_or_any_place(
    cli: Cli, runs: list[str], tmp_path: Path
) -> None:
    first = cli.json(
        "registry", "register", "wine", "--run", runs[0], "--tag", "a=b", "--as", "ann"
    )
    assert (first["version"], first["run_id"], first["artifact_path"]) == (1, runs[0], "model")
    assert (first["model_uri"], first["user_id"]) == ("models:/wine/1", "ann")
    assert cli.json("registry", "register", "wine", "--from", f"runs:/{runs[0]}/model") == first
    (tmp_path / "files").mkdir()
    local = cli.json("registry", "register", "wine", "--from", str(tmp_path / "files"))
    assert (local["version"], local["source"]) == (2, str(tmp_path / "files"))
    copied = cli.json("registry", "register", "beer", "--from", "models:/wine/1")
    assert (copied["run_id"], copied["version"]) == (runs[0], 1)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("register", "wine"), 2),
        (("register", "wine", "--run", "abcdef", "--from", "s3://x"), 2),
        (("register", "wine", "--run", "nosuchrun"), 3),
        (("register", "wine", "--from", "no/such/folder"), 2),
        (("register", "a/b", "--from", "s3://x"), 2),
        (("show", "wine"), 3),
        (("show", "models:/wine"), 2),
        (("transition", "wine", "Production"), 2),
        (("versions", "wine"), 3),
        (("create", "a:b"), 2),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_made(
    cli: Cli, line: tuple[str, ...], code: int
) -> None:
    assert cli("registry", *line).code == code
    assert cli.json("registry", "list")["models"] == []


def test_versions_stand_beside_the_one_in_production(cli: Cli, runs: list[str]) -> None:
    register_all(cli, runs)
    cli.ok("registry", "transition", "models:/wine/2", "Production")
    cli.ok("registry", "alias", "set", "models:/wine/latest", "@champion")
    found = cli.json("registry", "versions", "wine")
    assert (found["stage"], found["metric"]) == ("Production", "rmse")
    deltas = {one["version"]: one["delta"] for one in found["versions"]}
    assert deltas == {3: pytest.approx(-0.1), 2: None, 1: pytest.approx(0.2)}
    assert [one["gate"] for one in found["versions"]] == ["open", "holds it", "open"]
    shown = cli.ok("registry", "versions", "wine", "--limit", "2").splitlines()
    assert "vs Production" in shown[0]
    assert shown[1].split()[:4] == ["3", "None", "@champion", "open"]
    assert "-0.1" in shown[1]
    assert shown[-1] == "the newest 2 of 3: --limit shows more"
    assert "mae" not in cli.ok("registry", "versions", "wine", "--stage", "staging")
    assert cli("registry", "versions", "wine", "--stage", "moon").code == 2


def test_a_model_and_a_version_are_shown_whole(cli: Cli, runs: list[str], tmp_path: Path) -> None:
    register_all(cli, runs)
    (tmp_path / "policy.yaml").write_text("approvals: 1\nrules:\n  - rule: signature\n")
    cli.ok("registry", "policy", "set", "wine", "Production", str(tmp_path / "policy.yaml"))
    cli.ok("registry", "request", "models:/wine/3", "Production", "--as", "eve")
    cli.ok("registry", "annotate", "models:/wine/3", "good on old wines", "--as", "bob")
    cli.ok("registry", "deployments", "set", "models:/wine/3", "shop", "--url", "http://shop")
    shown = cli.ok("registry", "show", "wine")
    assert "policy      Production: rules 1, approvals 1" in shown
    assert "request     1 by eve, version 3: None -> Production" in shown
    document = cli.json("registry", "show", "wine")
    assert document["policies"]["Production"]["approvals"] == 1
    assert [one["number"] for one in document["requests"]] == [1]
    version = cli.ok("registry", "show", "models:/wine/3")
    for part in (runs[2], "metric      rmse 0.6", "bob, ", "shop (http://shop)", "present"):
        assert part in version
    assert cli.json("registry", "show", "models:/wine/3")["annotations"][0]["by"] == "bob"


def test_a_version_is_described_tagged_and_deleted(cli: Cli, runs: list[str]) -> None:
    register_all(cli, runs)
    assert cli.json("registry", "describe", "models:/wine/1", "old")["description"] == "old"
    assert cli.json("registry", "tag", "models:/wine/1", "k=v")["tags"] == {"k": "v"}
    assert cli.json("registry", "untag", "models:/wine/1", "k")["tags"] == {}
    assert cli("registry", "delete", "models:/wine/1", stdin="n\n").code == 1
    assert cli("registry", "delete", "models:/wine/1", "--json").code == 2
    assert cli("registry", "delete", "models:/wine/1", stdin="y\n").code == 0
    assert cli("registry", "show", "models:/wine/1").code == 3
    assert [one["version"] for one in cli.json("registry", "versions", "wine")["versions"]] == [
        3,
        2,
    ]


def test_an_alias_moves(cli: Cli, runs: list[str]) -> None:
    register_all(cli, runs)
    for number in (1, 2):
        cli.ok("registry", "alias", "set", f"models:/wine/{number}", "champion")
    assert cli.json("registry", "show", "models:/wine@champion")["version"] == 2
    assert cli("registry", "alias", "set", "models:/wine/1", "latest").code == 2
    assert cli.json("registry", "alias", "delete", "wine", "champion")["version"] is None
    assert cli("registry", "show", "models:/wine@champion").code == 3


def test_the_best_version_by_a_metric(cli: Cli, runs: list[str], tmp_path: Path) -> None:
    register_all(cli, runs)
    cli.ok("registry", "transition", "models:/wine/1", "Staging")
    assert cli.json("registry", "best", "wine", "rmse", "--direction", "min")["version"] == 3
    found = cli.json("registry", "best", "wine", "rmse", "--direction", "min", "--stage", "staging")
    assert (found["version"], found["value"]) == (1, 0.9)
    assert cli("registry", "best", "wine", "rmse").code == 2
    (tmp_path / "p.json").write_text(
        '{"rules": [{"rule": "better", "metric": "rmse", "direction": "min"}]}'
    )
    cli.ok("registry", "policy", "set", "wine", "Production", str(tmp_path / "p.json"))
    assert "rmse 0.6" in cli.ok("registry", "best", "wine", "rmse")
    assert cli("registry", "best", "wine", "nosuch", "--direction", "max").code == 3
    assert cli("registry", "best", "wine", "rmse", "--direction", "up").code == 2


def test_deployments_are_listed_for_all_models(cli: Cli, runs: list[str]) -> None:
    register_all(cli, runs)
    assert "no version is deployed" in cli.ok("registry", "deployments", "list")
    for number in (1, 2):
        cli.ok("registry", "deployments", "set", f"models:/wine/{number}", "shop")
    (found,) = cli.json("registry", "deployments", "list")["deployments"]
    assert (found["name"], found["version"], found["target"]) == ("wine", 2, "shop")
    assert "shop" in cli.ok("registry", "deployments", "list", "wine")
    cli.ok("registry", "deployments", "delete", "models:/wine/2", "shop")
    assert cli("registry", "deployments", "delete", "models:/wine/2", "shop").code == 3


def test_a_typo_is_answered_with_the_nearest_name(cli: Cli) -> None:
    cli.ok("registry", "create", "wine")
    answer = cli("registry", "show", "wnie")
    assert (answer.code, "did you mean 'wine'?" in answer.err) == (3, True)
    for uri in ("models:/wien/1", "models:/wien/Production", "models:/wien@champion"):
        of_version = cli("registry", "show", uri)
        assert (of_version.code, "did you mean 'wine'?" in of_version.err) == (3, True)
