"""Many histories, in as many processes as there are processors: `python tests/core/simulation --seeds 10000`."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import chain

from history import History, play
from planted import BUGS, caught


def some(first: int, count: int) -> list[History]:
    found = []
    for seed in range(first, first + count):
        history = play(seed)
        history.trace = []
        found.append(history)
    return found


def hunt() -> int:
    missed = 0
    with ProcessPoolExecutor() as pool:
        for name, history in zip(BUGS, pool.map(caught, BUGS), strict=True):
            missed += history is None
            print(
                f"{'MISSED' if history is None else f'seed {history.seed:4}'}  {name}"
                + (f"\n           {history.violations[0][:140]}" if history else "")
            )
    return bool(missed)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=10_000, help="how many histories")
    asked.add_argument("--first", type=int, default=0, help="the first seed")
    asked.add_argument("--show", type=int, help="play this one seed and print its trace")
    asked.add_argument(
        "--bugs", action="store_true", help="plant each bug, and find it within 100 seeds"
    )
    given = asked.parse_args()
    if given.show is not None:
        history = play(given.show)
        print("\n".join([*history.trace, *map(str, history.violations)]))
        return bool(history.violations)
    if given.bugs:
        return hunt()
    began, at_once = time.monotonic(), 20
    with ProcessPoolExecutor() as pool:
        firsts = range(given.first, given.first + given.seeds, at_once)
        counts = [min(at_once, given.first + given.seeds - first) for first in firsts]
        found = list(chain.from_iterable(pool.map(some, firsts, counts)))
    fired = sum((one.fired for one in found), Counter())
    steps = sum((one.steps for one in found), Counter())
    for what, count in chain(fired.most_common(), steps.most_common()):
        print(f"{count:8} {getattr(what, 'value', what)}")
    bad = [one for one in found if one.violations]
    for one in bad:
        print(f"seed {one.seed}: {one.violations[0]}"[:600])
    print(
        f"{len(found)} histories, {sum(one.runs for one in found)} runs, {sum(one.deeds for one in found)} deeds, "
        f"{len(fired)} kinds of trouble, {len(bad)} bad, {time.monotonic() - began:.0f} s"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
