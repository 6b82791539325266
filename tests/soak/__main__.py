"""`make soak MINUTES=10 SEED=1`: kill -9 of everything, then the judge. How it is judged: docs/faults.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from play import Report, Soak  # after the path: tests are no package


def shown(report: Report) -> str:
    lines = [
        "killed: " + ", ".join(f"{count} {kind}" for kind, count in report.kills.most_common()),
        "acknowledged: " + ", ".join(f"{count} {verb}" for verb, count in report.told.most_common()),
        "not answered: " + ", ".join(f"{count} {verb}" for verb, count in report.unanswered.most_common()),
        f"objects that SeaweedFS acknowledged to a witness: {report.objects}, not answered: {report.refused}",
        f"started while SeaweedFS was away, and ended saying so: {report.gave_up}",
        f"judged in {report.judged_s:.0f} s: {len(report.wrong)} wrong",
        *report.wrong[:50],
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--minutes", type=float, default=10)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--folder", type=Path, help="keep everything here, to look at it afterwards")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="stageline-soak-") as made:
        report = Soak(given.folder or Path(made, "soak"), given.seed).play(60 * given.minutes)
    print(shown(report))
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
