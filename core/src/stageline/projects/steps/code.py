"""The files of code that a step may read: found, digested, copied to where the step runs.

It runs in a copy that holds these, its inputs and nothing else. So whatever it read is among its facts, and a file that
an earlier run left behind can not pass for one that was made (design/008).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import Conflict, InvalidInput, NotFound
from stageline.projects.mlproject import FILE_NAME
from stageline.projects.steps.step import is_under, is_url
from stageline.storage.os_errors import local_failure
from stageline.storage.parallel import together
from stageline.storage.transfer import hash_file

if TYPE_CHECKING:
    from stageline.projects.steps.step import Step

_NOT_CODE = frozenset({"__pycache__", "node_modules", "mlruns", "mlstore"})


class CodeFile(NamedTuple):
    """A file, or a link to one beside it."""

    path: Path
    link: str | None = None


def code_of(
    step: Step, steps: Sequence[Step], folder: Path, not_code: Collection[Path] = ()
) -> dict[str, CodeFile]:
    """The files that `step` may read besides its inputs, by their path in the project.

    All, or those that it names under `code`, but not: the MLproject file; what begins with a dot; virtual
    environments and caches; what any step makes; what any step reads, which those see that name it.

    Args:
        step: The step.
        steps: All of the project's.
        folder: The project's.
        not_code: Folders to be passed by, such as a store.

    Raises:
        NotFound: something under `code` is not there.
        InvalidInput: a link leads out of the project.
    """
    made = [path for one in steps for path in one.outputs]
    data = [path for one in steps for path in one.inputs if not is_url(path)]
    root = folder.resolve()
    passed = {one.resolve() for one in not_code}
    found: dict[str, CodeFile] = {}
    for name in step.code if step.code is not None else ("",):
        hidden = made if name else [*made, *data]
        files = {
            path: file
            for path, file in _files(root, name, passed)
            if not any(is_under(path, one) for one in hidden)
        }
        if name and not files:
            raise NotFound(
                f"the step {step.name!r} names {name!r} as its code, but there is no such file in {folder}"
            )
        found |= files
    return dict(sorted(found.items()))


def digests_of(files: Mapping[str, CodeFile]) -> dict[str, str]:
    """The digest of each file: its content, and whether it may be executed."""
    return dict(zip(files, together(_digest, files.values()), strict=True))


def lay_out(files: Mapping[str, CodeFile], digests: Mapping[str, str], folder: Path) -> None:
    """Copy the files into `folder`, which does not exist yet.

    Raises:
        Conflict: one of them is not what was digested: somebody writes to the project.
    """
    try:
        folder.mkdir()
        for name, file in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.link is not None:
                target.symlink_to(file.link)
            else:
                shutil.copy(file.path, target)
    except OSError as error:
        raise local_failure("copy", str(folder), error) from error
    copies = {name: CodeFile(folder / name, file.link) for name, file in files.items()}
    check_same(digests_of(copies), digests)


def check_same(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse copies that are not what was digested, or their outputs would be kept under another's name.

    Raises:
        Conflict: one of them is not.
    """
    for name, digest in found.items():
        if digest != expected[name]:
            raise Conflict(
                f"{name} in the project changed while it was copied for a step: run the step again once it is written"
            )


def _files(root: Path, name: str, passed: Collection[Path]) -> Iterator[tuple[str, CodeFile]]:
    start = root / name
    if name and not start.is_dir():
        if start.is_file():
            yield name, _file(start, name, root)
        return
    for place, folders, names in os.walk(start):
        here = Path(place)
        at = here.relative_to(root).as_posix()
        prefix = "" if at == "." else f"{at}/"
        links = [one for one in folders if (here / one).is_symlink()]
        folders[:] = [one for one in folders if one not in links and _is_code(here / one, passed)]
        for one in [*names, *links]:
            is_project_file = not prefix and one.lower() == FILE_NAME
            if (
                not one.startswith(".")
                and not is_project_file
                and (here / one).resolve() not in passed
            ):
                yield f"{prefix}{one}", _file(here / one, f"{prefix}{one}", root)


def _is_code(folder: Path, passed: Collection[Path]) -> bool:
    return not (
        folder.name.startswith(".")
        or folder.name in _NOT_CODE
        or folder in passed
        or (folder / "pyvenv.cfg").is_file()
    )


def _file(path: Path, name: str, root: Path) -> CodeFile:
    if path.is_symlink():
        link = os.readlink(path)
        if os.path.isabs(link) or not path.resolve().is_relative_to(root):
            raise InvalidInput(
                f"{name!r} in the project is a link to {link!r}, outside of it: a step runs in a copy of the project, "
                "so put a copy there, or name what the step may read under its `code`"
            )
        return CodeFile(path, link)
    if not path.is_file():
        raise InvalidInput(
            f"{name!r} in the project is a device, a pipe or a socket: name what the step may read under its `code`"
        )
    return CodeFile(path)


def _digest(file: CodeFile) -> str:
    if file.link is not None:
        return f"link:{file.link}"
    digest, _ = hash_file(file.path)
    return f"x:{digest}" if os.access(file.path, os.X_OK) else digest
