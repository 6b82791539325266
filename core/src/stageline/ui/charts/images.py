"""The images that runs logged under one key, side by side, for a slider that moves them all to a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.ui.artifacts.images import MOST_KEYS, StepImage, image_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stageline.domain.run import Run

MOST_STEPS = 100
"""Of a run and key that go to the browser; of more, such as lie evenly among them, the last included."""


class Frame(NamedTuple):
    """What one run shows of a key."""

    run: Run
    images: list[StepImage]
    """By step; never empty."""


class Panel(NamedTuple):
    """One key, over runs."""

    key: str
    frames: list[Frame]

    @property
    def steps(self) -> list[int]:
        """Each step that any run has an image of."""
        return sorted({image.step for frame in self.frames for image in frame.images})

    def addresses(self, url: Callable[..., str]) -> list[list[tuple[int, str, str]]]:
        """For the slider: of each frame its steps, each with the addresses of the image and of its page."""
        return [
            [
                (
                    image.step,
                    url(f"/runs/{frame.run.info.run_id}/raw/{image.path}"),
                    url(f"/runs/{frame.run.info.run_id}/artifacts", path=image.path),
                )
                for image in frame.images
            ]
            for frame in self.frames
        ]


def image_panels(
    runs: Sequence[Run], files_of: Callable[[str], Iterable[str]]
) -> tuple[list[Panel], int]:
    """A panel for each key of the runs' images, by name, and how many keys were left out.

    Args:
        runs: In the order in which they stand side by side.
        files_of: The paths of a run's files, by its id; it is asked once for each run.
    """
    frames: dict[str, list[Frame]] = {}
    for run in runs:
        for series in image_series(files_of(run.info.run_id)):
            frames.setdefault(series.key, []).append(Frame(run, evenly(series.images, MOST_STEPS)))
    panels = [Panel(key, found) for key, found in sorted(frames.items())]
    return panels[:MOST_KEYS], max(len(panels) - MOST_KEYS, 0)


def evenly(images: Sequence[StepImage], most: int) -> list[StepImage]:
    """At most `most` (2 or more) of them, the first and the last among these.

    >>> [one.step for one in evenly([StepImage(step, 0, "", "") for step in range(8)], 3)]
    [0, 4, 7]
    """
    if len(images) <= most:
        return list(images)
    return [images[round(place * (len(images) - 1) / (most - 1))] for place in range(most)]
