"""`stageline registry webhooks` and `copy`, on the command line."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from processes import WITHIN_S, start, until
from receiver import Receiver, receiving
from shell import Cli

from stageline import Workspace

URL = "https://hooks.example.com/services/T0?token=abc"
STAGES = ["-e", "model_version_stage.changed"]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("STAGELINE_WEBHOOK_ALLOW", "127.0.0.0/8")
    monkeypatch.setenv("STAGELINE_WEBHOOK_HTTP", "1")
    monkeypatch.setenv("STAGELINE_WEBHOOK_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("HOOK_SECRET", "correct horse")
    with receiving() as found:
        yield found


def webhooks(cli: Cli, *args: str) -> str:
    return cli.ok("registry", "webhooks", *args)


def promoted(workspace: Workspace) -> None:
    workspace.registry.register("wine", source="s3://1")
    workspace.registry.transition("wine", 1, "Production")


def test_webhook_is_created_told_and_listed(
    cli: Cli, workspace: Workspace, receiver: Receiver
) -> None:
    webhooks(cli, "create", "chat", receiver.url, *STAGES, "--secret-env", "HOOK_SECRET")
    promoted(workspace)
    assert webhooks(cli, "run", "--once") == "delivered 1; failed 0; given up 0\n"
    assert receiver.received[0].is_signed_with("correct horse")
    table = webhooks(cli, "list")
    assert "chat" in table
    assert f"http://127.0.0.1:{receiver.port}" in table
    assert "/hook" not in table
    (attempt,) = cli.json("registry", "webhooks", "history", "chat")["attempts"]
    assert (attempt["status"], attempt["outcome"], attempt["model"]) == (200, "delivered", "wine")
    assert attempt["delivery_id"] in webhooks(cli, "history", "chat")
    assert webhooks(cli, "replay", "chat", attempt["delivery_id"]) == "delivered: 200\n"
    assert len(receiver.received) == 2
    everything = "".join(
        cli.ok("registry", "webhooks", *args, *flags)
        for args in (("list",), ("show", "chat"), ("history", "chat"))
        for flags in ((), ("--json",))
    )
    assert "correct horse" not in everything


def test_webhook_is_changed_and_deleted(cli: Cli, workspace: Workspace) -> None:
    webhooks(cli, "create", "chat", URL, *STAGES, "--disabled")
    shown = cli.json("registry", "webhooks", "show", "chat")
    assert (shown["status"], shown["url"], shown["has_secret"]) == ("DISABLED", URL, False)
    webhooks(cli, "update", "chat", "--name", "talk", "--status", "active", "--description", "d")
    shown = cli.json("registry", "webhooks", "show", "talk")
    assert (shown["status"], shown["description"], shown["events"]) == ("ACTIVE", "d", [STAGES[1]])
    assert cli("registry", "webhooks", "delete", "talk", stdin="n\n").code == 1
    webhooks(cli, "delete", "talk", "--yes")
    assert cli.json("registry", "webhooks", "list") == {"webhooks": []}
    assert "no webhooks" in webhooks(cli, "list")


def test_try_shows_the_answer_and_fails_with_it(
    cli: Cli, workspace: Workspace, receiver: Receiver
) -> None:
    webhooks(cli, "create", "chat", receiver.url, *STAGES)
    assert "200 ok" in webhooks(cli, "test", "chat")
    receiver.answer = lambda one, handler: 503
    answer = cli("registry", "webhooks", "test", "chat", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["response_status"] == 503
    promoted(workspace)
    assert "failed 1" in webhooks(cli, "run", "--once")
    (attempt,) = cli.json("registry", "webhooks", "history", "chat", "--outcome", "failed")[
        "attempts"
    ]
    replayed = cli("registry", "webhooks", "replay", "chat", attempt["delivery_id"])
    assert (replayed.code, replayed.out) == (1, "given_up: 503\n")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("create", "chat", "http://example.com", *STAGES), 2, "only https"),
        (("create", "chat", "https://169.254.169.254/", *STAGES), 2, "not a public address"),
        (("create", "chat", URL), 2, "needs an event"),
        (("create", "chat", URL, *STAGES, "--secret-env", "NOT_SET"), 2, "NOT_SET"),
        (("update", "chat", "--no-secret", "--secret-env", "X"), 2, "exclude each other"),
        (("show", "chat"), 3, "there is no webhook"),
        (("run", "--since", "x"), 2, "--once"),
        (("run", "--once", "--since", "x"), 2, "cursor"),
    ],
)
def test_mistakes(
    cli: Cli, workspace: Workspace, args: tuple[str, ...], code: int, said: str
) -> None:
    answer = cli("registry", "webhooks", *args)
    assert answer.code == code
    assert said in answer.err


def test_run_tells_until_it_is_stopped(local_cli: Cli, receiver: Receiver) -> None:
    workspace = Workspace.open(local_cli.url)
    webhooks(local_cli, "create", "chat", receiver.url, *STAGES)
    script = "import sys; from stageline.cli.main import main; main()"
    with start(
        script, "--store", local_cli.url, "registry", "webhooks", "run", "--poll", "0.1"
    ) as child:
        promoted(workspace)
        until(lambda: len(receiver.received) == 1, "the delivery")
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=WITHIN_S)
    assert child.returncode == 0, err
    assert "delivered 1" in out


def test_version_is_copied_to_another_store(cli: Cli, workspace: Workspace, tmp_path: Path) -> None:
    with workspace.runs.create() as active:
        active.log_metric("rmse", 0.5)
    workspace.artifacts(active.run_id).log_text("flavors: {}", "model/MLmodel")
    workspace.registry.register("wine", active.run_id, "model")
    there = str(tmp_path / "prod")
    said = cli.ok("registry", "copy", "models:/wine/1", "--to", there, "--name", "wine-prod")
    assert "models:/wine/1 is" in said
    again = cli.json(
        "registry", "copy", "models:/wine/latest", "--to", there, "--name", "wine-prod"
    )
    assert again["model_uri"] == "models:/wine-prod/1"
    copied = Workspace.open(there).registry.get_version("wine-prod", 1)
    assert copied.origin is not None
    assert copied.origin.name == "wine"
    assert cli("registry", "copy", "models:/wine/2", "--to", there).code == 3
