"""One of many processes that want one experiment; prints its id, and whether this process made it.

Run as: experiment_race.py URL NAME. Waits for its standard input to close, so that all start together.
"""

from __future__ import annotations

import sys

from stageline.clock import SYSTEM_CLOCK
from stageline.errors import AlreadyExists
from stageline.storage.open import open_store
from stageline.tracking.experiments import Experiments

if __name__ == "__main__":
    url, name = sys.argv[1:]
    experiments = Experiments(open_store(url), SYSTEM_CLOCK, "racer")
    experiments.find_by_name("warm up")
    sys.stdin.read()
    try:
        made = experiments.create(name).experiment_id
    except AlreadyExists:
        made = "-"
    print(made, experiments.get_or_create(name).experiment_id)
