"""A long series thinned to what a screen can show, keeping its shape and its extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_OF_A_LINE = 2_000
"""Points of one line: about two for each pixel of a wide chart."""
MOST_OF_A_CHART = 4_000
"""Points of all lines of a chart together: they cross the wire, and ten lines need fewer each."""
LEAST_OF_A_LINE = 100


def share(lines: int) -> int:
    """How many points each of so many lines may have.

    >>> share(1), share(2), share(10), share(1000)
    (2000, 2000, 400, 100)
    """
    return max(LEAST_OF_A_LINE, min(MOST_OF_A_LINE, MOST_OF_A_CHART // max(lines, 1)))


def thinned(x: NDArray[Any], y: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """The places of at most `most` points that look like all: MinMaxLTTB (Van Der Donckt et al., 2023).

    `x` is ascending and `y` finite; the first and the last point stay.
    """
    # Late: NumPy is for who draws.
    import numpy as np

    if len(y) <= most:
        return np.arange(len(y))
    from tsdownsample import MinMaxLTTBDownsampler

    thinner: Any = MinMaxLTTBDownsampler  # its methods have no types
    places = thinner().downsample(np.ascontiguousarray(x), np.ascontiguousarray(y), n_out=most)
    return np.asarray(places, dtype=np.intp)
