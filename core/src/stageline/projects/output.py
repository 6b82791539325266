"""What a project's command prints: shown as it comes, kept line by line in the run, and whole in a file."""

from __future__ import annotations

import codecs
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from stageline.tracking.terminal import Capture

FILE_NAME, ARTIFACT_FOLDER = "output.txt", "project"
"""What the whole of it is called among the run's files."""

_LONGEST_LAST_LINE = 500
_LONGEST_HELD = 1 << 16
"""Bytes of a line that the file waits for the end of."""

_log = logging.getLogger("stageline")


class Output:
    """Takes the bytes of a command's two streams, each in a thread of its own.

    Args:
        write: Takes the name of a stream and whole lines of it; see `Capture`.
        file: Gets all of it, line by line in the order of their ends. Must not exist.
        shows: Whether it goes to this process's own streams too.
    """

    def __init__(
        self, write: Callable[[str, str], object], file: Path, *, shows: bool = True
    ) -> None:
        self.file = file
        self.last_error_line = ""
        """The last line of `stderr` that says something, cut to a sentence's length."""
        self._file = file.open("xb", buffering=0)
        self._write = write
        self._has_complained = False
        self._begun = {"stdout": b"", "stderr": b""}
        self._capture = Capture(self._keep)
        self._tees = {
            name: self._capture.tee(
                name, cast("TextIO", _Shown(getattr(sys, name) if shows else None))
            )
            for name in ("stdout", "stderr")
        }
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {name: decoder(errors="replace") for name in self._tees}

    def taker(self, name: str) -> Callable[[bytes], None]:
        """What takes the bytes of `stdout` or `stderr`."""
        decode, tee = self._decoders[name].decode, self._tees[name]

        def take(piece: bytes) -> None:
            if not self._file.closed:  # else it comes from somebody who outlived the command
                self._save_lines(name, piece)
                tee.write(decode(piece))

        return take

    def close(self) -> None:
        """Hand over what no newline has ended."""
        self._capture.stop()
        for begun in self._begun.values():
            self._save(begun)
        self._file.close()

    def _save_lines(self, name: str, piece: bytes) -> None:
        # A program writes a line in parts; those of the other stream must not come between.
        lines, newline, begun = (self._begun[name] + piece).rpartition(b"\n")
        if len(begun) > _LONGEST_HELD:
            lines, newline, begun = lines + newline, begun, b""
        self._begun[name] = begun
        self._save(lines + newline)

    def _save(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except (
            OSError
        ) as error:  # a full disk must not stop the command, which waits to be read from
            if not self._has_complained:
                self._has_complained = True
                _log.warning("%s does not hold all of the output: %s", self.file, error)

    def _keep(self, name: str, text: str) -> None:
        if name == "stderr":
            said = [line for line in text.splitlines() if line.strip()]
            if said:
                self.last_error_line = said[-1].strip()[:_LONGEST_LAST_LINE]
        self._write(name, text)


class _Shown:
    """A stream of this process; a reader who has gone away must not cost the run its output."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # a broken pipe, or a closed file
                self._stream = None
        return len(text)
