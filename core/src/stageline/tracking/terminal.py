"""What a run's process prints, kept with the run while it still appears where it always did."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TextIO, cast

LIMIT = 10_000_000
"""Characters of output that a run keeps."""

_LONGEST_LINE = 1 << 16
_STREAMS = ("stdout", "stderr")

_log = logging.getLogger("stageline")


class Capture:
    """Passes on what is printed to `sys.stdout` and `sys.stderr`, and hands it to `write` line by line.

    Only what Python prints: a subprocess, or C code, writes past it, and so does a logging handler that took hold of
    the stream before. A progress bar that overwrites its line is kept as it looks in the end. Captures may be nested.

    Args:
        write: Takes the name of the stream, and text of whole lines. Nothing that it raises reaches the caller of
            `print`; what it prints itself is not captured.
        limit: Characters after which the rest is cut, with a note that says so.
    """

    def __init__(self, write: Callable[[str, str], object], limit: int = LIMIT) -> None:
        self._write = write
        self._left = limit
        self._limit = limit
        self._tees: dict[str, _Tee] = {}
        self._busy = threading.local()
        self._has_complained = False

    def start(self) -> None:
        """Begin. Once begun, nothing happens."""
        if self._tees:
            return
        for name in _STREAMS:
            stream = _innermost(getattr(sys, name))
            if stream is not None:  # as under pythonw
                self._tees[name] = tee = _Tee(stream, partial(self._take, name), self._busy)
                setattr(sys, name, tee)

    def tee(self, name: str, stream: TextIO) -> TextIO:
        """A stand-in for `stream`, for what does not come by `sys`, such as a child's output; `stop` ends it too."""
        tee = self._tees[name] = _Tee(stream, partial(self._take, name), self._busy)
        return cast("TextIO", tee)

    def stop(self) -> None:
        """End: hand over unfinished lines, and put the streams back unless somebody has replaced them since."""
        for name, tee in self._tees.items():
            tee.close_capture()
            if getattr(sys, name) is tee:
                setattr(sys, name, _innermost(tee))
        self._tees = {}

    def __enter__(self) -> Capture:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _take(self, name: str, text: str) -> None:
        if self._left < 0:
            return
        self._busy.is_writing = True
        try:
            if len(text) > self._left:
                text = _cut(text[: self._left], self._limit)
                self._left = -1
            else:
                self._left -= len(text)
            if not text.isascii():  # a lone surrogate can be printed, but not stored
                text = text.encode(errors="backslashreplace").decode()
            self._write(name, text)
        except Exception as error:  # print() must not fail because of us
            self._complain(error)
        finally:
            self._busy.is_writing = False

    def _complain(self, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            _log.warning("some of the output is not kept with the run: %r", error)


class _Tee:
    """Stands in for a stream: has all that the stream has, and sees what is written to it."""

    def __init__(self, stream: TextIO, take: Callable[[str], None], busy: threading.local) -> None:
        self.stream = stream
        self.is_open = True
        self._take = take
        self._busy = busy
        self._unfinished: dict[int, str] = {}
        self._guard = (os.getpid(), threading.Lock())

    def __getattr__(self, name: str) -> Any:  # whatever the stream has
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        count = self.stream.write(text)
        if self.is_open and not getattr(self._busy, "is_writing", False):
            lines = self._finished(text)
            if lines:
                self._take(lines)
        return count

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def close_capture(self) -> None:
        """Hand over what no newline has ended, and let everything pass from now on."""
        self.is_open = False
        with self._lock():
            unfinished, self._unfinished = self._unfinished, {}
        for text in unfinished.values():
            seen = _as_seen(text)
            if seen:
                self._take(seen)

    def _finished(self, text: str) -> str:
        """The lines that `text` ends; each thread has an unfinished one of its own, so that they do not mix."""
        thread = threading.get_ident()
        with self._lock():
            lines, newline, rest = (self._unfinished.pop(thread, "") + text).rpartition("\n")
            if len(rest) > _LONGEST_LINE:
                rest = _as_seen(rest)
            if len(rest) > _LONGEST_LINE:
                lines, newline, rest = lines + newline + rest, "", ""
            if rest:
                self._unfinished[thread] = rest
        if "\r" in lines:
            lines = "\n".join(map(_as_seen, lines.split("\n")))
        return lines + newline

    def _lock(self) -> threading.Lock:
        pid, lock = self._guard
        if pid != os.getpid():
            # A thread that this forked child does not have may hold it; the unfinished lines are the parent's.
            lock = threading.Lock()
            self._unfinished, self._guard = {}, (os.getpid(), lock)
        return lock


def _cut(text: str, limit: int) -> str:
    newline = "\n" if text and not text.endswith("\n") else ""
    return f"{text}{newline}[the output is cut here, after {limit} characters]\n"


def _as_seen(line: str) -> str:
    """A line as a terminal shows it in the end: what follows the last return to its start."""
    line = line.rstrip("\r")
    return line[line.rfind("\r") + 1 :]


def _innermost(stream: Any) -> Any:  # a stream, or one of ours in its place
    """The stream, without those of our stand-ins around it whose capture has ended."""
    while isinstance(stream, _Tee) and not stream.is_open:
        stream = stream.stream
    return stream
