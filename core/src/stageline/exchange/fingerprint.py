"""What tells a run's content from any other: the same before it is moved and after."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.storage.series import Series


def fingerprint(
    params: Mapping[str, str], tags: Mapping[str, str], metrics: Mapping[str, Series]
) -> str:
    """sha256 over params, tags and every point of every metric, whatever the order they come in.

    >>> fingerprint({"a": "1"}, {}, {}) == fingerprint({"a": "2"}, {}, {})
    False
    """
    digest = hashlib.sha256(msgspec.json.encode([sorted(params.items()), sorted(tags.items())]))
    for key, series in sorted(metrics.items()):
        digest.update(msgspec.json.encode([key, len(series)]))
        # As bytes, for NaN is not equal to itself.
        points = zip(series.timestamps, series.steps, series.values, strict=True)
        for point in sorted(struct.pack(">qqd", *point) for point in points):
            digest.update(point)
    return digest.hexdigest()
