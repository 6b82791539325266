"""`make screenshots`: pictures of each page into docs/pictures, from the demo's store. A script, not a test."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2])]

from demo_store import build  # noqa: E402
from looking import DESK, PHONE, looks  # noqa: E402
from pages_of import addresses  # noqa: E402
from picture_files import PICTURES, save_picture  # noqa: E402
from serving import ui_process  # noqa: E402

LIGHT = (
    "experiments", "runs", "runs-grouped", "run", "artifacts", "charts", "charts-parallel", "compare", "models",
    "model", "version", "model-compare", "history", "requests", "lineage",
)  # fmt: skip
DARK = ("runs", "run", "charts", "history")
NARROW = ("runs", "model")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="stageline-pictures-") as folder:
        team = build(Path(folder) / "store", time.time_ns() // 1_000_000)
        paths = addresses(team)
        with ui_process(Path(folder) / "store", user="bob") as served, looks() as look:
            shots = [(name, "light", DESK, name) for name in LIGHT]
            shots += [(name, "dark", DESK, f"{name}-dark") for name in DARK]
            shots += [(name, "light", PHONE, f"{name}-phone") for name in NARROW]
            for name, theme, size, file in shots:
                look.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
                look.page.set_viewport_size(size)  # type: ignore[arg-type]
                look.at(served.url + paths[name])
                if look.page.locator("[data-plotly]").count():
                    drawn = look.page.locator(".js-plotly-plot .plot-container, path.run-line")
                    drawn.first.wait_for(state="attached")
                    look.page.wait_for_function("document.fonts.status === 'loaded'")
                save_picture(look.page.screenshot(), file)
            look.is_well(host=served.url)
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{len(shots)} pictures, {total / 1e3:,.0f} KB: {PICTURES}")


if __name__ == "__main__":
    main()
