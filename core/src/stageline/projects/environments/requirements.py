"""What pip is to install, as one list: requirement files read, local paths made absolute, and a digest of it all.

An environment is shared, and outlives the folder that it was described in. So what lies in that folder is installed,
not linked: an editable requirement becomes a plain one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stageline.errors import InvalidInput, NotFound

MAX_BYTES = 4 << 20
_DEPTH = 16
_OPTION = re.compile(
    r"^(?P<option>-r|--requirement|-c|--constraint|-e|--editable|-f|--find-links)(?:\s*=\s*|\s+|(?<=-[rcef]))(?P<value>\S.*)$"
)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_NOT_CODE = frozenset(
    {".git", ".venv", "venv", "__pycache__", "build", "dist", "node_modules", "mlruns", "mlstore"}
)


@dataclass(frozen=True)
class Requirements:
    """Lines for a requirement file and for a constraint file, and what they depend on."""

    lines: tuple[str, ...]
    constraints: tuple[str, ...]
    key: tuple[str, ...]
    """The same for the same content, wherever the project lies."""

    def __bool__(self) -> bool:
        return bool(self.lines)


def read_requirements(dependencies: Sequence[str], folder: Path) -> Requirements:
    """What `dependencies`, as python_env.yaml has them, come to.

    Args:
        dependencies: Requirements, or options such as `-r requirements.txt`.
        folder: Where the file lies that lists them; paths are relative to it.

    Raises:
        NotFound: a file or a local path is not there.
        InvalidInput: a file refers to itself, or is too big.
    """
    lines: list[str] = []
    constraints: list[str] = []
    key: list[str] = []
    for is_constraint, line, part in _expanded(dependencies, folder, folder, False, ()):
        (constraints if is_constraint else lines).append(line)
        key.append(f"{'c' if is_constraint else 'r'} {part}")
    return Requirements(tuple(lines), tuple(constraints), tuple(key))


def _expanded(
    given: Sequence[str], beside: Path, project: Path, is_constraint: bool, within: tuple[Path, ...]
) -> Iterator[tuple[bool, str, str]]:
    """(is it a constraint, the line, what it means for the key) of each; `beside` is where nested files are."""
    for raw in _joined(given):
        line = _COMMENT.sub("", raw).strip()
        if not line:
            continue
        option = _OPTION.match(line)
        name, value = (option["option"], option["value"].strip("'\"")) if option else ("", line)
        if name in ("-r", "--requirement", "-c", "--constraint"):
            file = beside / value
            inner = _lines_of(file, within)
            goes_to_constraints = is_constraint or name in ("-c", "--constraint")
            yield from _expanded(inner, file.parent, project, goes_to_constraints, (*within, file))
        elif name in ("-f", "--find-links"):
            folder = beside / value
            is_here = "://" not in value and os.path.exists(folder)
            where = os.path.abspath(folder) if is_here else value
            digest = _digest(Path(where)) if is_here else value
            yield is_constraint, f"--find-links {where}", f"--find-links {digest}"
        else:
            yield is_constraint, *_requirement(value, project, is_editable=bool(name))


def _requirement(text: str, project: Path, *, is_editable: bool) -> tuple[str, str]:
    """The line, and what it means for the key."""
    requirement, semicolon, marker = text.partition(";")
    path, bracket, extras = requirement.strip().partition("[")
    looks_local = (
        path.startswith((".", "/", "~")) or os.sep in path or path.endswith((".whl", ".tar.gz"))
    )
    if path.startswith("-") or "://" in path or not (looks_local or is_editable):
        return text, text
    place = Path(os.path.abspath(project / os.path.expanduser(path)))
    if not os.path.exists(place):
        raise NotFound(
            f"the environment asks for {path!r}, but there is no such file or folder in {project}"
        )
    rest = f"{bracket}{extras}{semicolon}{marker}"
    return f"{place}{rest}", f"{_digest(place)}{rest}"


def _joined(given: Sequence[str]) -> Iterator[str]:
    """Lines that end in a backslash go on in the next."""
    held = ""
    for line in given:
        if line.endswith("\\"):
            held += line[:-1]
            continue
        yield held + line
        held = ""
    if held:
        yield held


def _lines_of(file: Path, within: tuple[Path, ...]) -> list[str]:
    if file in within or len(within) > _DEPTH:
        raise InvalidInput(f"the requirement file {file} refers to itself")
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotFound(
            f"the environment asks for the requirement file {file}, which can not be read: {error.strerror}"
        ) from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"the requirement file {file} has more than {MAX_BYTES} bytes")
    return data.decode("utf-8", "replace").splitlines()


def _digest(place: Path) -> str:
    """Of a file, or of a folder with code: names and contents, without what is made from it."""
    digest = hashlib.sha256()
    for path in [place] if place.is_file() else _files(place):
        relative = os.path.relpath(path, place).encode()
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(len(relative).to_bytes(4, "big") + relative + content)
    return f"{place.name if place.is_file() else ''}sha256:{digest.hexdigest()}"


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one not in _NOT_CODE and not one.endswith(".egg-info")
        )
        for name in sorted(names):
            path = Path(where) / name
            if path.is_file():
                yield path
