"""Params and metrics as axes, brushes on them, and the colours of runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import stageline.ui
from stageline.domain.run import LifecycleStage, Run, RunData, RunInfo, RunInputs, RunStatus
from stageline.ui.charts.dimensions import (
    Brush,
    brushed,
    dimension,
    parse_brush,
    varying_names,
)
from stageline.ui.charts.palette import colours, dashes

STYLES = Path(stageline.ui.__file__).with_name("static")


def a_run(
    number: int = 0, params: dict[str, str] | None = None, metrics: dict[str, float] | None = None
) -> Run:
    info = RunInfo(
        run_id=f"run{number}", run_name=f"run {number}", experiment_id="0", user_id="ann",
        status=RunStatus.FINISHED, start_time=1, end_time=2,
        lifecycle_stage=LifecycleStage.ACTIVE, artifact_uri="",
    )  # fmt: skip
    data = RunData(metrics=metrics or {}, params=params or {}, tags={})
    return Run(info=info, data=data, inputs=RunInputs(dataset_inputs=[]), metrics={}, attempts=[])


def of_params(*values: str | None) -> list[Run]:
    return [a_run(n, {} if value is None else {"p": value}) for n, value in enumerate(values)]


def test_texts_that_are_all_numbers_are_an_axis_of_numbers() -> None:
    found = dimension(of_params("1", "2.5", None, "1e1"), "params.p")
    assert (found.values, found.categories, found.label) == ([1.0, 2.5, None, 10.0], [], "p")


def test_one_other_text_makes_categories_of_all() -> None:
    found = dimension(of_params("1", "auto", None, "1"), "params.p")
    assert found.categories == ["1", "auto"]
    assert found.values == [0.0, 1.0, None, 0.0]
    assert [found.text(place) for place in range(4)] == ["1", "auto", "", "1"]


def test_axis_is_logarithmic_where_only_that_shows_all() -> None:
    assert dimension(of_params("1e-4", "1"), "params.p").is_log
    assert not dimension(of_params("1", "10"), "params.p").is_log
    assert not dimension(of_params("0", "1000"), "params.p").is_log
    assert not dimension(of_params("1e-4", "1"), "params.p", is_log=False).is_log
    assert not dimension(of_params("-1", "1"), "params.p", is_log=True).is_log


def test_number_that_is_not_finite_has_no_place_on_an_axis() -> None:
    assert dimension(of_params("nan", "inf", "2"), "params.p").values == [None, None, 2.0]


def test_only_what_differs_is_offered_as_an_axis() -> None:
    runs = [
        a_run(
            n,
            {"a": str(n), "same": "1", "text": "x" * (n + 1)},
            {"m": float(n), "system/cpu": float(n)},
        )
        for n in range(3)
    ]
    assert varying_names(runs) == ["params.a", "params.text", "metrics.m"]


@pytest.mark.parametrize("brush", [Brush("params.a:b", 0.1, 0.5), Brush("metrics.é", -1e-07, 2e21)])
def test_brush_is_read_back_from_an_address(brush: Brush) -> None:
    assert parse_brush(str(brush)) == brush


@pytest.mark.parametrize(
    "text", ["", "params.a", "params.a:1", "params.a:x..2", ":1..2", "a:nan..1"]
)
def test_broken_brush_counts_as_none(text: str) -> None:
    assert parse_brush(text) is None


def test_runs_within_all_brushes_are_kept() -> None:
    runs = [a_run(n, {"a": str(n)}, {"m": 10.0 - n} if n else None) for n in range(5)]
    found = {name: dimension(runs, name) for name in ("params.a", "metrics.m")}
    brushes = [Brush("params.a", 0, 3), Brush("metrics.m", 7, 8), Brush("params.unknown", 0, 0)]
    assert brushed(found, brushes, 5) == [False, False, True, True, False]
    assert brushed(found, [], 5) == [True] * 5


def test_up_to_eight_runs_have_eight_colours_and_neighbours_always_differ() -> None:
    ids = [f"run {number}" for number in range(100)]
    assert len(set(colours(ids[:8]).values())) == 8
    chosen = list(colours(ids).values())
    assert all(len(set(chosen[at : at + 8])) == 8 for at in range(93))
    looks = list(zip(chosen[:32], dashes(ids[:32]).values(), strict=True))
    assert len(set(looks)) == 32


def test_run_keeps_its_colour_from_page_to_page() -> None:
    assert colours(["a"])["a"] == colours(["a", "b", "c"])["a"]
    assert colours(["a", "a"]) == colours(["a"])


def test_colours_of_runs_stand_out_from_the_ground_of_both_themes() -> None:
    sheet, base = (STYLES / "charts.css").read_text(), (STYLES / "base.css").read_text()
    for ground, block in zip(
        re.findall(r"--surface: (#\w{6})", base)[:2],
        re.findall(r"\{\s*((?:--run-\d: #\w{6};\s*)+)\}", sheet)[:2],
        strict=True,
    ):
        found = re.findall(r"#\w{6}", block)
        assert len(found) == 8
        assert min(contrast(colour, ground) for colour in found) >= 3  # WCAG 1.4.11, of graphics


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    bent = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * bent[0] + 0.7152 * bent[1] + 0.0722 * bent[2]
