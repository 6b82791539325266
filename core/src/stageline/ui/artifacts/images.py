"""The images that a run logged under a key, by step: what their files are called is the field's convention."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_KEYS = 12
MOST_STEPS = 500

_NAME = re.compile(
    r"images/(?P<key>.+)[+%]step[+%](?P<step>\d{1,18})[+%]timestamp[+%](?P<at>\d{1,18})[+%](?P<id>[^+%/]+)"
    r"(?P<small>[+%]compressed)?\.(?:png|jpe?g|webp|gif)"
)


class StepImage(NamedTuple):
    """One image of a series."""

    step: int
    timestamp: int
    """Unix time in milliseconds."""
    path: str
    small: str
    """A smaller copy, or the image itself where there is none."""


class ImageSeries(NamedTuple):
    """The images of one key, by step."""

    key: str
    images: list[StepImage]
    """The last of them."""
    total: int


def image_series(paths: Iterable[str]) -> list[ImageSeries]:
    """The series among a run's files, by key."""
    whole: dict[tuple[str, str], StepImage] = {}
    small: dict[tuple[str, str], str] = {}
    for path in paths:
        found = _NAME.fullmatch(path)
        if found is None:
            continue
        one = (found["key"].replace("#", "/"), found["id"])
        if found["small"]:
            small[one] = path
        else:
            whole[one] = StepImage(int(found["step"]), int(found["at"]), path, path)
    by_key: dict[str, list[StepImage]] = {}
    for (key, number), image in whole.items():
        by_key.setdefault(key, []).append(
            image._replace(small=small.get((key, number), image.path))
        )
    return [
        ImageSeries(
            key,
            sorted(images, key=lambda one: (one.step, one.timestamp))[-MOST_STEPS:],
            len(images),
        )
        for key, images in sorted(by_key.items())
    ]
