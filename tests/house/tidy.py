"""What must not be in the repository: lock files, package-index hosts, machine paths, packages that shadow.

Run by `make house`. Reads the files that git tracks, and those that it would.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LOCK_FILES = {
    "Pipfile.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pylock.toml",
    "uv.lock",
    "yarn.lock",
}

# An __init__.py in one of these would make a package of it, and `prefect` or `airflow` of its children.
NOT_PACKAGES = re.compile(r"^(core|integrations|integrations/[^/]+|tests(/.*)?)/__init__\.py$")

REFUSED = {
    # The repository is built from whichever index its reader uses.
    "names a package index": re.compile(
        r"\b(py[p]i|pythonh[o]sted|np[m]js|np[m]mirror|art[i]factory)[.][a-z]"
        r"|--(extra-)?index-url|--find-links[ =]+\S*://",
        re.IGNORECASE,
    ),
    # Somebody's machine. Examples use a relative path, /tmp or a bucket.
    "names a path of one machine": re.compile(
        r"(?<![\w.$*})/~-])/(root|work|Users|home/(?!\$|<)\w+|opt/(wheels|pypi))(?![\w-])"
    ),
}


def complaints(path: str, text: str) -> Iterator[str]:
    """What is wrong with the file, one line each."""
    name = PurePosixPath(path).name
    if name in LOCK_FILES:
        yield f"{path}: a lock file records one reader's package index; pins are in constraints/"
    if NOT_PACKAGES.match(path):
        yield f"{path}: this folder is not a package; as one it would shadow those that it is about"
    for number, line in enumerate(text.splitlines(), start=1):
        for claim, pattern in REFUSED.items():
            if found := pattern.search(line):
                yield f"{path}:{number}: {claim}: {found[0]}"


def files() -> list[str]:
    """Tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(set(filter(None, listed.split("\0"))))


def main() -> int:
    """Print every complaint; 1 if there is one."""
    found = [
        complaint
        for path in files()
        # This file and its test have to spell what they refuse.
        if not path.startswith("tests/house/") and Path(path).is_file()
        for complaint in complaints(path, Path(path).read_text(errors="replace"))
    ]
    print("\n".join(found) or "house: tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
