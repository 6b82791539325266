"""History, proof and events of the registry from the command line."""

from __future__ import annotations

import csv
import io
import json
import signal
from datetime import datetime, timedelta, timezone

import pytest
from shell import Cli
from training import command

from stageline import Workspace
from stageline.cli.dates import parse_date
from stageline.errors import InvalidInput
from stageline.storage import layout


@pytest.fixture
def lived(cli: Cli) -> Cli:
    """A model that something happened to."""
    for source in ("s3://1", "s3://2"):
        cli.ok("registry", "register", "wine", "--from", source, "--as", "eve")
    cli.ok("registry", "transition", "models:/wine/1", "Production", "-m", "=first", "--as", "ann")
    cli.ok("registry", "rename", "wine", "beer")
    return cli


def test_history_tells_who_did_what_when_and_why(lived: Cli) -> None:
    shown = lived.ok("registry", "history", "beer")
    for part in (
        "registered version 1 of s3://1",
        "version 1: None -> Production",
        "=first",
        "kept the name for wine",
        "eve",
        "ann",
    ):
        assert part in shown
    found = lived.json("registry", "history", "beer")
    assert found["stages"] == {"None": [2], "Production": [1]}
    numbers = [(one["name"], one["number"]) for one in found["entries"]]
    assert numbers[:4] == [("wine", 1), ("wine", 2), ("wine", 3), ("wine", 4)]
    assert {name for name, _ in numbers[4:]} == {"beer"}
    assert found["entries"][2]["events"][0]["event"] == "stage_changed"
    assert "renamed the model to beer" in lived.ok("registry", "history", "wine")
    assert lived("registry", "history", "ale").code == 3


def test_history_as_csv_holds_no_formula(lived: Cli) -> None:
    rows = [*csv.DictReader(io.StringIO(lived.ok("registry", "history", "beer", "--csv")))]
    assert rows[2]["summary"] == "version 1: None -> Production"
    assert rows[2]["reason"] == "'=first"


def test_history_as_of_a_date(lived: Cli) -> None:
    today = datetime.now().strftime("%Y-%m-%d")
    yesterday = (datetime.now() - timedelta(days=1)).strftime("%Y-%m-%d")
    assert f"as of {today}: None 2; Production 1" in lived.ok(
        "registry", "history", "beer", "--as-of", today
    )
    early = lived.json("registry", "history", "beer", "--as-of", yesterday)
    assert early == {"entries": [], "stages": {}}
    told = lived.ok("registry", "history", "beer", "--as-of", yesterday)
    assert told == f"nothing had happened by {yesterday}\n"
    assert lived("registry", "history", "beer", "--as-of", "yesterday").code == 2


def test_dates_mean_the_end_of_a_day_and_this_machines_zone() -> None:
    assert parse_date("2026-03-01T10:00Z") == datetime(2026, 3, 1, 10, tzinfo=timezone.utc)
    assert parse_date("2026-03-01T10:00:30+02:00").utcoffset() == timedelta(hours=2)
    day = parse_date("2026-03-01")
    assert (day.day, day.hour, day.minute) == (1, 23, 59)
    assert day.tzinfo is not None
    with pytest.raises(InvalidInput, match="2026-13-01"):
        parse_date("2026-13-01")


def test_the_chain_is_proven_and_a_changed_entry_is_named(lived: Cli, workspace: Workspace) -> None:
    proven = lived.json("registry", "verify")
    assert proven["intact"]
    assert {one["name"]: one["entries"] for one in proven["models"]} == {"beer": 2, "wine": 4}
    assert "kept" in lived.ok("registry", "verify", "beer")
    key = layout.model_journal("wine") + layout.revision(2)
    changed = workspace.store.read(key).replace(b"s3://2", b"s3://9")
    workspace.store.replace(key, changed)
    answer = lived("registry", "verify", "wine")
    assert answer.code == 1
    assert "BROKEN" in answer.out
    assert "entry 2 was changed" in answer.out
    broken = json.loads(lived("registry", "verify", "--json").out)
    assert [(one["name"], one["broken"]) for one in broken["models"]] == [
        ("beer", None),
        ("wine", 3),
    ]
    assert lived("registry", "verify", "ale").code == 3


def test_events_are_told_once_and_from_where_one_left_off(lived: Cli) -> None:
    (first,) = lines(lived.ok("registry", "follow", "--once"))
    assert (first["key"], first["to_stage"], first["actor"]) == ("wine:3:1", "Production", "ann")
    assert lived.ok("registry", "follow", "--once", "--since", first["cursor"]) == ""
    lived.ok("registry", "transition", "models:/beer/2", "Production", "--archive-existing")
    after = lines(lived.ok("registry", "follow", "--once", "--since", first["cursor"]))
    assert [(one["version"], one["to_stage"]) for one in after] == [
        (1, "Archived"),
        (2, "Production"),
    ]
    again = lines(lived.ok("registry", "follow", "--once", "--since", after[0]["cursor"]))
    assert [one["key"] for one in again] == [one["key"] for one in after]
    assert lived.ok("registry", "follow", "--once", "--since", after[1]["cursor"]) == ""
    assert lived.ok("registry", "follow", "--once", "--since", "now") == ""
    assert lines(lived.ok("registry", "follow", "--once", "--name", "wine"))[0]["name"] == "wine"
    assert lived("registry", "follow", "--once", "--since", "odd").code == 2


def test_follow_goes_on_until_it_is_stopped(local_cli: Cli) -> None:
    local_cli.ok("registry", "register", "wine", "--from", "s3://1")
    following = command(local_cli.url, "registry", "follow", "--poll", "0.02")
    try:
        assert following.stdout is not None
        for stage in ("Staging", "Production"):
            local_cli.ok("registry", "transition", "models:/wine/1", stage)
            assert json.loads(following.stdout.readline())["to_stage"] == stage
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
    finally:
        following.kill()
        following.communicate()


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]
