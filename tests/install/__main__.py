"""Builds the wheels and tries them in fresh environments: `python tests/install [PYTHON ...] [--only core]`.

Each Python that is there, with the newest dependencies and with the lowest that the floors allow and that have a wheel
for it. Core with the extra `ui`; the integrations with the newest. Prints a line for each, and fails if one fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = Path(__file__).with_name("smoke.py")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PACKAGES = {"core": "core", "prefect": "integrations/prefect", "airflow": "integrations/airflow"}
PREPARED_S, TRIED_S = 900, 600


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pythons", nargs="*", default=PYTHONS)
    asked.add_argument("--only", choices=[*PACKAGES], action="append")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="stageline-install-") as made:
        folder = Path(made)
        wheels = {name: built(ROOT / place, folder / name) for name, place in PACKAGES.items()}
        failed = 0
        for python in given.pythons:
            for which, lowest in (
                ("core", False),
                ("core", True),
                ("prefect", False),
                ("airflow", False),
            ):
                if not given.only or which in given.only:
                    failed += not tried(folder, wheels, python, which, lowest=lowest)
    print(f"{failed} failed" if failed else "all are well")
    return int(failed > 0)


def built(package: Path, to: Path) -> Path:
    """The wheel of a package."""
    done = uv("build", "--quiet", "--wheel", "--out-dir", str(to), str(package))
    if done.returncode:
        raise SystemExit(f"no wheel of {package}: {done.stderr}")
    (wheel,) = to.glob("*.whl")
    return wheel


def tried(folder: Path, wheels: dict[str, Path], python: str, which: str, *, lowest: bool) -> bool:
    """Whether it installs and works; says how."""
    label = f"{which:8} python {python:5} {'lowest' if lowest else 'newest'}"
    venv = folder / f"{which}-{python}-{lowest}"
    begun = time.monotonic()
    if uv("venv", "--quiet", "--python", interpreter(python), str(venv)).returncode:
        print(f"{label}: skipped, there is no Python {python}", flush=True)
        return True
    program = venv / "bin" / "python"
    how = wanted(wheels, which)
    if lowest:
        how = ["--no-deps", "--requirement", str(floors(venv, program)), str(wheels[which])]
    installed = uv(
        "pip", "install", "--quiet", "--python", str(program), "--only-binary", ":all:", *how
    )
    if installed.returncode:
        print(f"{label}: DOES NOT INSTALL\n{installed.stderr[-4000:]}", flush=True)
        return False
    took = time.monotonic() - begun
    done = subprocess.run(
        [str(program), str(SMOKE), which],
        capture_output=True,
        text=True,
        check=False,
        timeout=TRIED_S,
        env=own_environment(),
    )
    said = done.stdout.strip() if not done.returncode else f"FAILED\n{done.stderr[-6000:]}"
    tried_s = time.monotonic() - begun - took
    print(f"{label}: {said} (installed in {took:.0f} s, tried in {tried_s:.0f} s)", flush=True)
    return not done.returncode


def interpreter(version: str) -> str:
    """The newest Python of that version that pyenv has, or what uv should look for."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    return str(found[-1]) if found else version


def floors(venv: Path, program: Path) -> Path:
    """The lowest of what core declares: of what has no wheel for a Python that came later, the first that has."""
    pins = venv / "floors.txt"
    done = uv(
        "pip", "compile", "--quiet", str(ROOT / "core" / "pyproject.toml"), "--extra", "ui", "--output-file", str(pins),
        "--resolution", "lowest-direct", "--only-binary", ":all:", "--python", str(program), "--no-emit-package",
        "stageline",
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"the floors of core do not go together: {done.stderr}")
    return pins


def wanted(wheels: dict[str, Path], which: str) -> list[str]:
    core = f"stageline[ui] @ {wheels['core'].as_uri()}"
    if which == "core":
        return [core]
    return [core.replace("[ui]", ""), str(wheels[which])]


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [os.environ.get("UV", "uv"), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PREPARED_S,
    )


def own_environment() -> dict[str, str]:
    dropped = ("STAGELINE_", "PYTHON", "PREFECT_", "AIRFLOW", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


if __name__ == "__main__":
    sys.exit(main())
