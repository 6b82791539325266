"""`make screenshots`: lineage within Airflow's own pages. For pytest, since it needs the tests' real Airflow."""

from __future__ import annotations

from picture_files import save_picture
from processes import until
from rest import Rest
from standalone import Standalone
from standalone_fixtures import RETRAINING
from test_standalone_pages import opened

from stageline.workspace import Workspace

WITHIN_S = 600


def test_lineage_of_a_retraining(
    begun, admin: Rest, standalone: Standalone, standalone_store: Workspace
) -> None:
    until(lambda: list(standalone_store.registry.requests()), "a request waits", within_s=WITHIN_S)
    with opened(standalone, admin, begun[RETRAINING].page) as page:
        page.get_by_role("link", name="Lineage", exact=True).click()
        frame = page.frame_locator('iframe[title="Lineage"]')
        frame.get_by_role("heading", level=1).wait_for()
        frame.locator("svg a").first.wait_for()
        save_picture(page.screenshot(), "airflow-lineage")
