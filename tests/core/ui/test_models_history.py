"""The history of a model: who was where when, as a drawing, a table and CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone

import msgspec
import pytest
from promoting import registered
from reading import Reader

from stageline.registry import Policy
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.ui.registry.dates import parse_moment
from stageline.ui.views import history
from stageline.workspace import Workspace

DAY = 86_400_000
START = 1_772_323_200_000  # 2026-03-01, UTC


@pytest.fixture
def moved(workspace: Workspace) -> Workspace:
    """A day each: v1 and v2 are registered, v1 enters, v2 replaces it by request, and is rolled back."""
    clock = FixedClock(START)
    settings: Settings = msgspec.structs.replace(workspace.settings)
    here = Workspace(MemoryStore(workspace.store.url), settings, clock)
    registry = here.registry
    for rmse in (0.7, 0.6):
        registered(here, rmse)
    steps = (
        lambda: registry.transition("wine", 1, "Production"),
        lambda: registry.set_policy("wine", "Production", Policy(approvals=1)),
        lambda: registry.request_transition("wine", 2, "Production", archive_existing=True),
        lambda: registry.approve("wine", 1, actor="bob"),
        lambda: registry.rollback("wine", "Production", reason="worse", actor="bob"),
    )
    for step in steps:
        clock.set(clock.now_ms() + DAY)
        step()
    clock.set(clock.now_ms() + DAY)
    return here


def test_each_stay_is_a_bar_and_each_decision_a_mark(moved: Workspace) -> None:
    page = Reader(moved).page("/models/wine/history")
    svg = page.one("svg", cls="timeline")
    assert len(svg.all("g", cls="lane")) == 3
    (lane,) = svg.all("g", cls="lane-production")
    assert [one.text for one in lane.all("text", cls="stay-name")] == ["v1", "v2", "v1"]
    for kind in ("asked", "approved", "rollback"):
        assert len(lane.all("path", cls=f"dot-{kind}")) == 1, kind
    said = [one["aria-label"] for one in lane.all("a")]
    assert "Request 1 approved: v2, by bob, 2026-03-05 00:00:00 UTC" in said
    assert "Rollback: v1 to Production, by bob, 2026-03-06 00:00:00 UTC" in said


@pytest.mark.parametrize(
    ("as_of", "held"),
    [
        ("2026-03-04", "v1"),
        ("2026-03-05T12:00", "v2"),
        ("2026-03-06T00:00:00Z", "v1"),
        (str(START + 4 * DAY + 1), "v2"),
    ],
)
def test_a_date_tells_what_was_in_production_then(moved: Workspace, as_of: str, held: str) -> None:
    page = Reader(moved).page("/models/wine/history", as_of=as_of)
    standing = page.all("section", cls="standing")[0]
    terms = [one.text for one in standing.all("dt")]
    told = standing.all("dd")[terms.index("Production")].text
    assert told.startswith(f"{held} since")


def test_a_moment_before_the_newest_entries_is_found_too(
    moved: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_ENTRIES", 2)
    page = Reader(moved).page("/models/wine/history", as_of="2026-03-04")
    standing = page.all("section", cls="standing")[0]
    assert "v1 since" in standing.text
    assert "2 of them; the CSV has all." in page.text


def test_before_the_model_there_was_nothing(moved: Workspace) -> None:
    page = Reader(moved).page("/models/wine/history", as_of="2020-01-01")
    assert "The model was not there then." in page.text
    Reader(moved).page("/models/wine/history", as_of="yesterday", status=400)


def test_the_slider_is_a_form_without_a_script(moved: Workspace) -> None:
    page = Reader(moved).page("/models/wine/history")
    form = page.one("form", cls="slider")
    assert (form["method"], form["action"]) == ("get", "/models/wine/history")
    slider = form.one("input", type="range")
    assert (slider["name"], slider["min"]) == ("as_of", str(START))
    assert form.all("button")


def test_the_table_and_the_csv_have_every_entry(moved: Workspace) -> None:
    reader = Reader(moved)
    known = moved.registry.history("wine")
    table = reader.page("/models/wine/history").one("table").one("tbody")
    assert len(table.all("tr")) == len(known)
    answer = reader.get("/models/wine/history.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["digest"] for line in lines] == [one.digest for one in known]
    assert lines[-1]["reason"] == "worse"
    assert lines[-1]["time_utc"] == "2026-03-06T00:00:00.000+00:00"


def test_the_csv_runs_nothing_in_a_spreadsheet(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.7)
    workspace.registry.transition("wine", 1, "Staging", reason="=HYPERLINK(1)", actor="@eve")
    last = list(csv.DictReader(io.StringIO(reader.get("/models/wine/history.csv").text)))[-1]
    assert (last["reason"], last["actor"]) == ("'=HYPERLINK(1)", "'@eve")


def test_the_proof_is_shown_and_so_is_what_breaks_it(moved: Workspace) -> None:
    proof = moved.registry.verify("wine")
    assert proof.head in Reader(moved).page("/models/wine/history").text
    key = layout.model_journal("wine") + layout.revision(2)
    moved.store.replace(key, moved.store.read(key).replace(b'"ann"', b'"eve"'))
    section = Reader(moved).page("/models/wine/history").all("section", cls="standing")[1]
    assert "broken" in section.text
    assert "entry 2 was changed" in section.text


def test_a_deleted_model_keeps_its_history(moved: Workspace) -> None:
    moved.registry.delete("wine")
    page = Reader(moved).page("/models/wine/history")
    assert "There is no model of this name now" in page.text
    assert "deleted the model" in page.text


def test_moments_are_read_in_utc() -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
    assert parse_moment("2026-03-01T12:30") == int(moment.timestamp() * 1000)
    assert parse_moment("2026-03-01T14:30+02:00") == int(moment.timestamp() * 1000)
