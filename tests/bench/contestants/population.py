"""What is logged and searched, the same for everyone: runs with five params and five metrics, and a noisy series."""

from __future__ import annotations

import random
from collections.abc import Iterator

METRICS = ("loss", "rmse", "mae", "r2", "auc")
PARAMS = ("alpha", "l1_ratio", "depth", "rate", "seed")
EXPERIMENT = "bench"
FILTER = "metrics.rmse < 0.5 and metrics.mae > 0.2 and params.seed != '7'"
ORDER = "metrics.loss ASC"
PAGE = 100


def population(size: int) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
    """Params and metrics of each run."""
    rng = random.Random(0)
    for _ in range(size):
        yield (
            {key: str(rng.randrange(50)) for key in PARAMS},
            {key: rng.random() for key in METRICS},
        )


def series(size: int) -> list[tuple[int, float, int]]:
    """Step, value and milliseconds of each point: a falling loss whose digits do not compress."""
    rng = random.Random(0)
    now = 1_700_000_000_000
    points = []
    for step in range(size):
        now += rng.randrange(5, 15)
        points.append((step, 1 / (1 + step / 1000) + rng.gauss(0, 0.01), now))
    return points
