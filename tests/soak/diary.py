"""What a process of the soak meant to do and was told: a line for each, in a file that outlives the process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32


@dataclass
class Deed:
    """A call: what was meant, and whether it was acknowledged; `answer` is what it said."""

    verb: str
    given: dict[str, Any]
    is_told: bool = False
    answer: Any = None


class Diary:
    """Lines that are written before and after each call. A line is one write, so the kernel has it or not."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._number = 0

    @contextmanager
    def deed(self, verb: str, **given: Any) -> Iterator[Deed]:
        """Write what is meant; when the block is left without an exception, that it was acknowledged."""
        self._number += 1
        number, deed = f"{os.getpid()}-{self._number}", Deed(verb, given)
        self._write({"number": number, "verb": verb, "given": given})
        yield deed
        self._write({"number": number, "answer": deed.answer})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps(line) + "\n").encode())


def read_diaries(paths: Iterable[Path]) -> list[Deed]:
    """All deeds of all processes. A torn last line was not written, as its call was not acknowledged."""
    found: list[Deed] = []
    for path in paths:
        text, known = path.read_text(), dict[str, Deed]()
        for line in text[: text.rfind("\n") + 1].splitlines():
            read = json.loads(line)
            if "verb" in read:
                known[read["number"]] = Deed(read["verb"], read["given"])
            else:
                deed = known[read["number"]]
                deed.is_told, deed.answer = True, read["answer"]
        found += known.values()
    return found


def value_of(run_id: str, step: int) -> float:
    """The value that is logged at a step, so that whoever reads knows what it must be."""
    return crc32(f"{run_id}/{step}".encode()) / 7


def text_of(run_id: str, name: str) -> str:
    """The same for a file."""
    return f"{run_id}/{name}\n" * 100
