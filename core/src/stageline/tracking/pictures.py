"""Arrays and images as the bytes of a picture file, by Pillow."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from types import ModuleType

    from PIL.Image import Image

SMALL_SIDE = 256
"""Pixels of the longer side of a picture in an overview."""

_LONG_NAMES = {"jpg": "jpeg", "tif": "tiff"}


def ending_of(path: str) -> str:
    """The ending of a file's name, without its dot and in small letters. Raises `InvalidInput` if there is none."""
    ending = os.path.splitext(path)[1][1:].lower()
    if not ending:
        raise InvalidInput(f"the ending of {path!r} should say the kind of file, as in 'plot.png'")
    return ending


def as_image(image: Any) -> Image:
    """A PIL image of an array or of itself. Raises `InvalidInput` for another shape, or values out of range."""
    pil = _pillow()
    made: Image = image if isinstance(image, pil.Image) else pil.fromarray(_pixels(image))
    return made


def image_bytes(image: Image, ending: str) -> bytes:
    """The image in the format of a file's ending, without its dot."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, format=_LONG_NAMES.get(ending, ending))
    except (KeyError, OSError, ValueError) as error:
        raise InvalidInput(
            f"an image of mode {image.mode} can not be stored as .{ending} ({error}): '.png' takes most"
        ) from error
    return buffer.getvalue()


def small_copy(image: Image) -> Image:
    """A copy whose longer side has at most `SMALL_SIDE` pixels, in colours that every format takes."""
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    small = image.convert("RGBA" if has_alpha else "RGB")
    small.thumbnail((SMALL_SIDE, SMALL_SIDE))
    return small


def _pixels(image: Any) -> Any:
    """The array as 8-bit numbers, in one of the shapes that an image has."""
    import numpy as np  # late: whoever gives an array has it

    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not is_shaped or array.size == 0:
        raise InvalidInput(
            "an image is an array of height x width, or of height x width x 1, 3 or 4 channels, but this one has "
            f"the shape {array.shape}; for channels first, use `np.moveaxis(image, 0, -1)`"
        )
    kind = array.dtype.kind
    if kind not in "buif":
        raise InvalidInput(
            f"an image is an array of numbers, but this one has the type {array.dtype}"
        )
    low, high = array.min(), array.max()
    limit = 1 if kind in "bf" else 255
    if not (low >= 0 and high <= limit):  # so that NaN is refused too
        raise InvalidInput(
            f"an image of type {array.dtype} has values from 0 to {limit}, but this one has them from {low} to "
            f"{high}: scale or clip it first"
        )
    return np.ascontiguousarray(np.round(array * 255) if limit == 1 else array, dtype=np.uint8)


def _pillow() -> ModuleType:
    try:
        from PIL import Image  # late: only images need it, and it need not be installed
    except ImportError as error:
        raise InvalidInput("log_image needs Pillow: `pip install pillow`") from error
    return Image
