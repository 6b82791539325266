"""Where pictures of pages go: docs/pictures, small enough for a repository."""

from __future__ import annotations

import io
from pathlib import Path

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MOST_BYTES = 150_000
"""Of a picture; one that is larger is kept in 256 colours."""


def save_picture(png: bytes, name: str) -> None:
    """Keep a screenshot as `<name>.png`."""
    from PIL import Image

    path = PICTURES / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
