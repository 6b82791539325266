"""A reader's way through experiments, runs, files and charts, in a browser, on the demo's store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from looking import column

if TYPE_CHECKING:
    from demo_store import Team
    from looking import Look
    from serving import Served


def _networks(demo: Team) -> str:
    return f"/experiments/{demo.workspace.experiments.get_by_name('digits-mlp').experiment_id}"


def test_experiments_are_searched_and_opened_by_keyboard(
    demo: Team, demo_pages: Served, look: Look
) -> None:
    page = look.at(f"{demo_pages.url}/")
    assert page.url.endswith("/experiments")
    assert look.column("Name")[:3] == ["digits-mlp", "forecast-daily", "elasticnet"]
    assert look.column("Runs") == ["16", "30", "52", "0", "0"]
    best = look.column("Best so far")[:3]
    assert best == ["0.9539val/accuracy", "11.1smape", "0.6095rmse"]
    page.keyboard.press("/")
    page.keyboard.type("tags.team = 'vision'")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    assert look.column("Name") == ["digits-mlp"]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/experiments/*")
    assert page.get_by_role("heading", level=1).inner_text() == "digits-mlp"
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").is_hidden()
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models")
    look.is_well(host=demo_pages.url)


def test_a_wrong_filter_names_the_nearest_key_and_the_right_one_finds(
    demo: Team, demo_pages: Served, look: Look
) -> None:
    page = look.at(f"{demo_pages.url}{_networks(demo)}")
    page.keyboard.press("/")
    page.keyboard.type("lerning_rate < 0.01 and loss < 1")
    page.keyboard.press("Enter")
    error = page.locator("#filter-error")
    error.wait_for()
    assert "No run has 'lerning_rate'. Did you mean 'learning_rate'?" in error.inner_text()
    error.get_by_role("link").click()
    page.wait_for_url("**learning_rate**")
    assert look.asked()["filter"] == ["params.learning_rate < 0.01 and loss < 1"]
    assert set(look.column("learning_rate")) == {"0.001", "0.00316"}

    page.get_by_role("link", name="val/loss").click()
    page.wait_for_url("**order=**")
    losses = [float(text.split()[0]) for text in look.column("val/loss")]
    assert losses == sorted(losses) or losses == sorted(losses, reverse=True)
    page.go_back()
    page.wait_for_url(lambda url: "order=" not in url)
    page.locator("summary", has_text="Group").click()
    page.get_by_role("link", name="optimizer param").click()
    page.wait_for_url("**group=**")
    assert look.column("optimizer") == ["adam", "sgd"]
    assert look.column("Runs") == ["4", "4"]
    look.is_well(host=demo_pages.url)


def test_selected_runs_are_tagged_viewed_and_compared(own_demo: Team, look: Look) -> None:
    from serving import ui_process

    with ui_process(own_demo.folder) as served:
        page = look.at(f"{served.url}{_networks(own_demo)}?filter=width+%3D+64")
        assert look.column("Name") == [f"mlp-{number:02d}" for number in (15, 12, 9, 6, 3, 0)]
        for key in ("j", "j", "x", "j", "x"):
            page.keyboard.press(key)
        assert page.locator("tr.is-selected").count() == 2
        page.locator("summary", has_text="Tag").click()
        page.locator("#tag-key").fill("checked")
        page.locator("#tag-value").fill("yes")
        page.get_by_role("button", name="Set the tag").click()
        page.locator(".notice").wait_for()
        assert "2 runs" in page.locator(".notice").inner_text()

        page.locator("summary", has_text="Views").click()
        page.locator("#view-name").fill("narrow ones")
        page.get_by_role("button", name="Save").click()
        page.locator(".notice").wait_for()
        look.at(f"{served.url}{_networks(own_demo)}")
        assert len(look.column("Name")) == 16
        page.locator("summary", has_text="Views").click()
        page.get_by_role("link", name="narrow ones").click()
        page.wait_for_url("**filter=**")
        assert len(look.column("Name")) == 6

        look.at(f"{served.url}{_networks(own_demo)}?filter=tags.checked+%3D+'yes'")
        assert look.column("Name") == ["mlp-12", "mlp-09"]
        for key in ("j", "x", "j", "x", "c"):
            page.keyboard.press(key)
        page.wait_for_url("**/compare?**")
        assert page.get_by_role("heading", level=1).inner_text() == "Compare 2 runs"
        keys = page.locator("tbody .compare-key").all_inner_texts()
        assert "width" not in keys
        assert {"learning_rate", "loss", "optimizer"} <= set(keys)
        page.get_by_role("link", name="Show all rows").click()
        page.wait_for_url("**all=1**")
        assert "width" in page.locator("tbody .compare-key").all_inner_texts()
        look.is_well(host=served.url)


def test_a_run_shows_its_figures_images_files_and_takes_tags(own_demo: Team, look: Look) -> None:
    from serving import ui_process

    run_id = own_demo.run_named("digits-mlp", "mlp-05")
    with ui_process(own_demo.folder) as served:
        page = look.at(f"{served.url}/runs/{run_id}")
        assert look.column("Metric") == ["loss", "val/accuracy", "val/loss"]
        fold = page.locator("table.metrics").first.bounding_box()
        assert fold is not None
        assert fold["y"] + fold["height"] < 860  # metrics stand above the fold
        picture = page.locator(".image-series img").first
        before = picture.get_attribute("src")
        page.locator(".image-series input[type=range]").press("ArrowLeft")
        assert picture.get_attribute("src") != before
        page.get_by_label("Key of a tag").fill("reviewed")
        page.get_by_label("Value of the tag").fill("yes")
        page.get_by_role("button", name="Set").click()
        page.locator(".notice").wait_for()
        assert own_demo.workspace.runs.get(run_id).data.tags["reviewed"] == "yes"

        page.get_by_role("link", name="Artifacts").click()
        page.wait_for_url("**/artifacts**")
        page.get_by_role("link", name="log.csv", exact=True).click()
        page.wait_for_url("**path=log.csv")
        assert look.column("step")[:3] == ["0", "1", "2"]
        page.go_back()
        page.wait_for_url(lambda url: "log.csv" not in url)
        page.get_by_role("link", name="MLmodel").or_(
            page.get_by_role("link", name="model", exact=True)
        ).first.click()
        page.locator(".model-card").wait_for()
        assert "stageline.load_model" in page.locator(".command").first.inner_text()
        look.is_well(host=served.url)


def test_charts_draw_the_best_and_a_brush_filters_the_table(
    demo: Team, demo_pages: Served, look: Look
) -> None:
    page = look.at(f"{demo_pages.url}{_networks(demo)}/charts")
    page.locator(".js-line").first.wait_for(state="attached")
    assert page.locator(".legend input").count() == 10
    assert "The 10 runs with the greatest val/accuracy" in page.locator("main").inner_text()
    page.get_by_role("link", name="Parallel").click()
    page.wait_for_url("**kind=parallel**")
    axis = page.locator('[data-axis="metrics.val/accuracy"]')
    axis.wait_for()
    table = page.locator("main table").last
    assert len(column(table, "Run")) == 16
    axis.press("Shift+ArrowDown")
    kept = table.locator("tbody tr:not([hidden])").count()
    assert 0 < kept < 16
    assert look.asked()["brush"][0].startswith("metrics.val/accuracy:")
    page.reload()
    axis.wait_for()
    assert table.locator("tbody tr:not([hidden])").count() == kept
    look.is_well(host=demo_pages.url)
