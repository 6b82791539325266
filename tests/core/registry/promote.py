"""One of many processes that race to promote their own version; prints the version if it won.

Run as: promote.py URL VERSION ROUNDS. Waits for its standard input to close, so that all start together.
"""

from __future__ import annotations

import sys

from stageline import Workspace
from stageline.errors import Conflict, NotAllowed

if __name__ == "__main__":
    url, version, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    registry = Workspace.open(url).registry.acting(f"p{version}")
    registry.versions("m1")
    sys.stdin.read()
    for turn in range(1, rounds + 1):
        # One version for all: only the first finds it in None.
        try:
            registry.transition(f"m{turn}", 1, "Production", expected_stage="None")
            print(f"m{turn} shared {version}")
        except Conflict:
            pass
        # One place for all: only the first finds Staging empty.
        try:
            registry.transition(f"m{turn}", version + 1, "Staging")
            print(f"m{turn} place {version}")
        except NotAllowed:
            pass
