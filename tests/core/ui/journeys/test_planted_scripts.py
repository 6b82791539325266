"""Scripts that users planted in names, tags, comments and files run on no page, and no page asks another host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planted_store import plant, planted_addresses
from serving import ui_process

if TYPE_CHECKING:
    from pathlib import Path

    from looking import Look

SHUT_AWAY = "/raw/"
"""In what Chromium says of the frame with a user's file: it tried to run or load something, and was kept from it."""


def test_nothing_that_users_planted_runs(tmp_path: Path, look: Look) -> None:
    workspace, run_id = plant(tmp_path / "store")
    seen = 0
    with ui_process(tmp_path / "store") as served:
        for address in planted_addresses(workspace, run_id):
            answer = look.page.goto(served.url + address)
            assert answer is not None
            assert answer.status in (200, 400), (address, answer.status)
            look.page.wait_for_load_state("load")
            for frame in look.page.frames:
                assert frame.evaluate("window.planted") is None, (address, frame.url)
            assert (
                look.page.locator("main img[onerror], main [onload], main [onclick]").count() == 0
            )
            look.wrong[:] = [one for one in look.wrong if SHUT_AWAY not in one]
            look.is_well(host=served.url)
            seen += "window.planted" in look.page.content()
        for path in ("evil.html", "evil.svg"):
            look.page.goto(f"{served.url}/runs/{run_id}/raw/{path}")
            assert look.page.evaluate("window.planted") is None, path
    assert seen > 25  # it is shown, as text
