"""Images by step in a real browser: of several runs side by side, moved by one slider, and of one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import open_browser
from browsing import listened, served
from processes import until
from run_records import picture

from stageline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"), user="ann")


def painted(workspace: Workspace, steps: dict[str, list[int]]) -> tuple[str, dict[str, str]]:
    """An experiment whose runs logged the image `samples` at those steps; the runs' ids by name."""
    experiment_id = workspace.experiments.create("digits").experiment_id
    ids = {}
    for name, at in steps.items():
        with workspace.runs.create(experiment_id, run_name=name) as run:
            run.log_metric("loss", 1.0)
            files = workspace.artifacts(run.run_id)
            for step in at:
                stem = f"images/samples+step+{step}+timestamp+{1000 + step}+uuid-{step}"
                files.log_bytes(picture(), f"{stem}.png")
        ids[name] = run.run_id
    return experiment_id, ids


def test_one_slider_moves_the_images_of_all_runs_to_a_step(workspace: Workspace) -> None:
    experiment_id, _ = painted(workspace, {"a": [0, 5, 10], "b": [0, 10], "none": []})
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/experiments/{experiment_id}/charts?kind=images")
        said = page.locator("[data-frame] [data-said]")
        assert said.all_inner_texts() == ["step 10", "step 10"]
        slider = page.get_by_role("slider", name="Step of samples")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        # b has no image of step 5: what stands there is what it had by then, and says so.
        assert sorted(said.all_inner_texts()) == ["step 0", "step 5"]
        assert slider.get_attribute("aria-valuetext") == "step 5"
        shown = page.locator("[data-frame] img")
        widths = "images => images.map(one => one.naturalWidth)"
        until(lambda: 0 not in shown.evaluate_all(widths), "the images are loaded")
        alts = [shown.nth(place).get_attribute("alt") for place in range(2)]
        assert sorted(str(alt) for alt in alts) == [
            "samples of a at step 5",
            "samples of b at step 0",
        ]
        assert wrong == []


def test_the_images_of_one_run_have_a_slider_of_their_own(workspace: Workspace) -> None:
    _, ids = painted(workspace, {"a": [0, 5, 10]})
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/runs/{ids['a']}")
        page.get_by_role("slider", name="Step of samples").focus()
        page.keyboard.press("Home")
        assert page.locator("[data-said]").inner_text() == "step 0"
        assert wrong == []


def test_experiment_without_images_says_how_to_log_some(workspace: Workspace) -> None:
    experiment_id, _ = painted(workspace, {"none": []})
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        page.goto(f"{url}/experiments/{experiment_id}/charts?kind=images")
        assert page.get_by_role("heading", name="No images").is_visible()
