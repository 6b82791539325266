"""Figures and images as files of a run, and tables from beside. What draws them is imported when it is needed."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.names import check_step, check_timestamp
from stageline.errors import InvalidInput
from stageline.tracking.pictures import as_image, ending_of, image_bytes, small_copy
from stageline.tracking.tables import TAG_LOGGED_ARTIFACTS, log_table, table_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.tracking.artifacts import RunArtifacts

__all__ = [
    "TAG_LOGGED_ARTIFACTS",
    "TAG_LOGGED_IMAGES",
    "log_figure",
    "log_image",
    "log_table",
    "table_tag",
]

TAG_LOGGED_IMAGES = "mlflow.loggedImages"
"""Set to `True` on a run that has images under a key."""

_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./ ")


def log_figure(
    files: RunArtifacts,
    figure: Any,  # matplotlib's or plotly's, neither of which need be installed
    artifact_file: str,
    *,
    save_kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Store a matplotlib figure (`.png`, `.svg`, `.pdf` ...) or a plotly one (`.html`, `.json`).

    `save_kwargs` go to the library's own function. Raises `InvalidInput` if the library has no such kind of file.
    """
    path = check_artifact_path(artifact_file)
    ending = ending_of(path)
    options = dict(save_kwargs or {})
    if hasattr(figure, "savefig"):
        data = _matplotlib_bytes(figure, ending, options)
    elif hasattr(figure, "to_html") and hasattr(figure, "to_json"):
        data = _plotly_bytes(figure, ending, options)
    else:
        raise InvalidInput(
            f"a figure is one of matplotlib or plotly, but this is a {type(figure).__name__}: for the current plot "
            "of pyplot pass `plt.gcf()`, for an array use log_image"
        )
    files.log_bytes(data, path)


def log_image(
    files: RunArtifacts,
    image: Any,  # an array of numpy or of what numpy can take, or an image of PIL
    artifact_file: str | None = None,
    *,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
) -> dict[str, str]:
    """Store an image: as the file `artifact_file`, or as one of a series under `key` with its step and time.

    Args:
        files: The run's files.
        image: A PIL image, or an array of height x width, or with 1, 3 or 4 channels; whole numbers from 0 to 255,
            fractions from 0 to 1, or booleans.
        artifact_file: Path whose ending says the format.
        key: Letters, digits, spaces and `_ - . /`. Stored are a PNG and, for an overview, a small WebP.
        step: Where in the training; 0 if not given.
        timestamp: Unix time in milliseconds; now if not given.

    Returns:
        The tags that the run should have from now on.

    Raises:
        InvalidInput: the image has another shape or range, or not exactly one of path and key is given.
    """
    if (key is None) == (artifact_file is None):
        raise InvalidInput("give an image either an artifact_file or a key (with a step), not both")
    if artifact_file is not None:
        path = check_artifact_path(artifact_file)
        files.log_bytes(image_bytes(as_image(image), ending_of(path)), path)
        return {}
    stem = _stem_of_series(key or "", step, timestamp)
    picture = as_image(image)
    files.log_bytes(image_bytes(picture, "png"), f"{stem}.png")
    files.log_bytes(image_bytes(small_copy(picture), "webp"), f"{stem}+compressed.webp")
    return {TAG_LOGGED_IMAGES: "True"}


def _matplotlib_bytes(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    try:
        figure.savefig(buffer, format=ending, **options)
    except ValueError as error:
        raise InvalidInput(f"matplotlib can not store the figure as .{ending}: {error}") from error
    return buffer.getvalue()


def _plotly_bytes(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    if ending == "json":
        return str(figure.to_json(**options)).encode()
    if ending in ("html", "htm"):
        # With its script inside, so that it can be looked at without a network; `include_plotlyjs="cdn"` is smaller.
        return str(figure.to_html(**options)).encode()
    try:
        return bytes(figure.to_image(format=ending, **options))
    except (ValueError, ImportError) as error:
        raise InvalidInput(
            f"plotly can not store the figure as .{ending} ({error}): use '.html' or '.json', or install kaleido"
        ) from error


def _stem_of_series(key: str, step: int | None, timestamp: int | None) -> str:
    if not key or not _KEY.issuperset(key):
        raise InvalidInput(
            f"an image's key is made of letters, digits, spaces and the characters _ - . /, but this is {key!r}"
        )
    at = time.time_ns() // 1_000_000 if timestamp is None else check_timestamp(timestamp)
    number = 0 if step is None else check_step(step)
    # The field's names for such files; `#` keeps a key with slashes in one folder.
    stem = f"images/{key.replace('/', '#')}+step+{number}+timestamp+{at}+{_uuid()}"
    return check_artifact_path(stem)


def _uuid() -> str:
    from uuid import uuid4  # late: only a series of images needs it

    return str(uuid4())
