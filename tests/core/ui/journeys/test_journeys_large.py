"""An experiment of 100,000 runs, in a browser: totals are true, every run is reached, sorted and filtered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from indexed_runs import a_run
from serving import Served, ui_process

from stageline.storage.index import ExperimentIndex
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from looking import Look

    from stageline.domain.summary import RunSummary

COUNT = 100_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """The pages of a store whose index has them all; logging each would take minutes."""
    folder: Path = tmp_path_factory.mktemp("large") / "store"
    workspace = Workspace.open(folder, cache=str(folder.with_name("cache")), user="ann")
    experiment_id = workspace.experiments.create("large").experiment_id
    index = ExperimentIndex(workspace.store, experiment_id)
    index.rebuild(lambda: (_summary(number, experiment_id) for number in range(COUNT)))
    with ui_process(folder) as served:
        yield served, f"{served.url}/experiments/{experiment_id}"


def standing(look: Look) -> str:
    """Where in the whole the page stands."""
    text = look.page.locator(".pager > .num").first.inner_text()
    return text.splitlines()[0].replace("\N{EN DASH}", "-").removesuffix(" runs").strip()


def _summary(number: int, experiment_id: str) -> RunSummary:
    run = a_run(number, loss=(number * 7919) % COUNT / COUNT)
    run.experiment = (1, experiment_id)
    return run


def test_a_hundred_thousand_runs_are_paged_sorted_and_filtered(
    large: tuple[Served, str], look: Look
) -> None:
    served, address = large
    page = look.at(address)
    assert standing(look) == "1-100 of 100,000"
    look.at(f"{address}?start={COUNT - 100}")
    assert standing(look) == "99,901-100,000 of 100,000"
    assert look.column("Name")[-1] == "name 0"
    assert page.get_by_role("link", name="Next page").count() == 0

    page.get_by_role("link", name="loss", exact=True).click()
    page.wait_for_url("**order=**")
    assert look.asked()["order"] == ["metrics.loss"]  # less of a loss is better: the least first
    assert look.column("Name")[:2] == ["name 0", f"name {pow(7919, -1, COUNT)}"]
    page.keyboard.press("/")
    page.keyboard.type("loss < 0.001 and alpha = 'v3'")
    page.keyboard.press("Enter")
    page.wait_for_url("**filter=**")
    assert standing(look) == "1-20 of 20"
    look.is_well(host=served.url)
