"""Fuzzes parsers and codecs in turn: `python tests/fuzz [SECONDS] [NAME ...]`, in an environment with atheris.

Each of `tests/core/hostile/codecs_list` for so many seconds (60 if not said), guided by which code its input reaches,
from the sound examples there. What is found is kept as a file, named in the output, and ends that parser's turn.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CORE_TESTS = HERE.parent / "core" / "hostile"
FOUND = HERE.parents[1] / "build" / "fuzz"
LONGEST_INPUT = 8192
MOST_MB = 1500
STUCK_S = 20
"""One input that takes longer is a hang."""


def main() -> int:
    words = sys.argv[1:]
    seconds = int(words.pop(0)) if words and words[0].isdecimal() else 60
    sys.path.insert(0, str(CORE_TESTS))
    from codecs_list import CODECS

    known = [codec for codec in CODECS if not words or codec.name in words]
    failed = [codec.name for codec in known if not _fuzzed(codec.name, codec.seeds, seconds)]
    print(f"{len(known)} fuzzed, {len(failed)} failed {failed or ''}")
    return int(bool(failed))


def _fuzzed(name: str, seeds: list[bytes], seconds: int) -> bool:
    FOUND.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"\W+", "-", name)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed)
        done = subprocess.run(
            [
                sys.executable, str(HERE / "one.py"), name, corpus, f"-max_total_time={seconds}",
                f"-max_len={LONGEST_INPUT}", f"-rss_limit_mb={MOST_MB}", f"-timeout={STUCK_S}",
                f"-artifact_prefix={FOUND / stem}-", "-verbosity=0", "-print_final_stats=1",
            ],
            capture_output=True, text=True, errors="replace", check=False, timeout=10 * seconds + 300,
        )  # fmt: skip
    said = done.stdout + done.stderr
    executed = re.search(r"number_of_executed_units: +(\d+)", said)
    print(f"{name}: {executed[1] if executed else '?'} inputs", flush=True)
    if done.returncode:
        print(said[-4000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
