"""`make bench`: every workload beside its bound, in one run. Figures, not tests: pytest does not come here."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

import orchestrators
from growth import curves, plot
from race import Contestant, race
from rows import ROWS
from soak import WARM_MINUTES
from soak import run as soak
from table import render

HERE = Path(__file__).parent
# Not in a checkout: a peer that finds a Git repository above it makes itself at home there.
# And on a disk: the temporary folder is often in memory, where fsync costs nothing.
OUTSIDE = Path("/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir())
PEERS = ("mlflow", "trackio", "dvclive")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", help="rows whose name contains one of these; all by default"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repeats (%(default)s)")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--full", action="store_true", help="the largest sizes too: minutes each")
    parser.add_argument(
        "--dir", type=Path, default=OUTSIDE, help="the disk to measure (%(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=10, help="of load that `soak` judges (%(default)s)"
    )
    parser.add_argument(
        "--warm", type=float, default=WARM_MINUTES, help="minutes of it before (%(default)s)"
    )
    parser.add_argument(
        "--plot", action="store_true", help="draw what `growth` kept; with no rows, that alone"
    )
    given = parser.parse_args()

    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{given.rounds} interleaved rounds, medians; x: times the bound's wall, CPU\n")
    everything = not given.rows and not given.plot
    if "growth" not in given.rows and (given.rows or everything):
        races(given)
        asked = [name for name in orchestrators.PYTHONS if everything or name in given.rows]
        orchestrators.run(asked, given.rounds)
    # Last, and where it is asked for: it takes minutes, and has neither a bound nor peers.
    if "soak" in given.rows or (given.full and everything):
        with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=given.dir) as folder:
            soak(given.minutes, given.warm, Path(folder))
    # `growth` alone is all of its curves; `growth runs` is one of them.
    if "growth" in given.rows or (given.full and everything):
        with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=given.dir) as folder:
            curves.run(Path(folder), given.rows, full=given.full)
    if given.plot:
        for path in plot.draw():
            print(path)


def races(given: argparse.Namespace) -> None:
    """Each workload that was asked for, beside its bound and peers."""
    for row in ROWS:
        if given.rows and not any(part in row.name for part in given.rows):
            continue
        if row.is_large and not given.full:
            print(f"{row.name}: with --full only\n")
            continue
        with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=given.dir) as folder:
            print(
                render(row, race(row, contestants(given.peers), given.rounds, Path(folder))),
                flush=True,
            )


def contestants(peers: Path | None) -> list[Contestant]:
    """The bound, Stageline, and the peers whose environments are there."""
    found = [Contestant("bound", HERE), Contestant("stageline", HERE)]
    for name in PEERS if peers else ():
        environments = sorted(peers.absolute().glob(f"{name}-*"))
        found += [Contestant(name, HERE, folder / "bin" / "python") for folder in environments]
    return found


if __name__ == "__main__":
    main()
