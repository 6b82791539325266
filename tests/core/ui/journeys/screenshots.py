"""`make screenshots`: pictures of each page into docs/pictures, from the demo's store. A script, not a test."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2])]

from demo_store import build  # noqa: E402
from looking import DESK, PHONE, looks  # noqa: E402
from pages_of import addresses  # noqa: E402
from serving import ui_process  # noqa: E402

PICTURES = HERE.parents[3] / "docs/pictures"
LIGHT = (
    "experiments", "runs", "runs-grouped", "run", "artifacts", "charts", "charts-parallel", "compare", "models",
    "model", "version", "model-compare", "history", "requests", "lineage",
)  # fmt: skip
DARK = ("runs", "run", "charts", "history")
NARROW = ("runs", "model")
MOST_BYTES = 150_000
"""Of a picture; one that is larger is kept in 256 colours."""


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
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
                _save(look.page.screenshot(), PICTURES / f"{file}.png")
            look.is_well(host=served.url)
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{len(shots)} pictures, {total / 1e3:,.0f} KB: {PICTURES}")


def _save(png: bytes, path: Path) -> None:
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
