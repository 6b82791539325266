"""Which Python of this machine is the one that a project asks for."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from stageline.errors import InvalidInput, NotFound

_VERSION = re.compile(r"\d+(\.\d+){0,2}")
_ABOUT = (
    "import json,os,platform,sys,sysconfig;"
    "print(json.dumps([os.path.realpath(getattr(sys,'_base_executable',None) or sys.executable),"
    "platform.python_version(),platform.python_implementation(),sysconfig.get_platform()]))"
)
_TIMEOUT_S = 30.0


class Interpreter(NamedTuple):
    """A Python that runs."""

    path: str
    """The real one, not that of a virtual environment."""
    version: str
    """All three numbers."""
    implementation: str
    platform: str


def find_interpreter(
    version: str | None, uv: str | None, say: Callable[[str], None]
) -> Interpreter:
    """The Python for `version`: one, two or three numbers; None is the one that runs Stageline.

    Looked for by uv if there is one, on the PATH and among pyenv's. One that differs in the last number alone will do.

    Raises:
        InvalidInput: that is no version.
        NotFound: there is none; the message says which there are.
    """
    if version is None:
        return _asked(sys.executable)
    if not _VERSION.fullmatch(version):
        raise InvalidInput(
            f"python: {version!r} is no version: expected one such as 3.11 or 3.11.7"
        )
    wanted = version.split(".")
    seen: dict[str, Interpreter] = {}
    for path in _candidates(wanted, uv):
        found = _try(path)
        if found is None:
            continue
        if found.version.split(".")[: len(wanted)] == wanted:
            return found
        seen.setdefault(found.version, found)
    for found in seen.values():
        if len(wanted) == 3 and found.version.split(".")[:2] == wanted[:2]:
            say(f"there is no Python {version} here: taking {found.version}")
            return found
    raise NotFound(
        f"the project asks for Python {version}, which is not on this machine; there is "
        f"{', '.join(sorted(seen, key=_numbers)) or 'none'}. Install it, for example with "
        f"`uv python install {version}`, or run with `--env-manager local`"
    )


def _candidates(wanted: list[str], uv: str | None) -> Iterator[str]:
    minor = ".".join(wanted[:2])
    yield sys.executable
    for name in (f"python{minor}", "python3", "python"):
        for folder in os.get_exec_path():
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                yield path
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(one) for one in sorted(root.glob("versions/*/bin/python"), reverse=True))
    if uv:
        for text in dict.fromkeys((".".join(wanted), minor)):
            found = subprocess.run(
                [uv, "python", "find", "--no-python-downloads", "--no-project", "--no-config", text],
                capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            if found.returncode == 0:
                yield found.stdout.strip()


def _try(path: str) -> Interpreter | None:
    try:
        return _asked(path)
    except NotFound:  # a shim for a version that is not installed, or something else of that name
        return None


@functools.lru_cache(maxsize=64)
def _asked(path: str) -> Interpreter:
    try:
        answer = subprocess.run(
            [path, "-I", "-c", _ABOUT],
            capture_output=True, text=True, check=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found = Interpreter(*json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        raise NotFound(f"{path} does not run as Python: {type(error).__name__}") from error
    return found


def _numbers(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]
