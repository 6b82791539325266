"""The runs that are searched: the same for everyone, five params and five metrics each."""

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
