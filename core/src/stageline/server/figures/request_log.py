"""A line for each request: what was asked by which route, how it went and for whom. No value that a client sent."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import Literal, NamedTuple, TextIO

import msgspec

from stageline.server.figures.rows import full_route

LogFormat = Literal["json", "text"]
EVERY_S = 0.2
"""Lines are written together: one at a time would cost more than what they tell of."""


class Line(NamedTuple):
    """What is told of a request."""

    time: float
    """Unix seconds, when it was answered."""
    method: str
    route: str
    status: int
    ms: float
    bytes: int
    caller: str
    request_id: str


class RequestLog:
    """Takes lines on the event loop, writes them from a thread. `start` and `close` once."""

    def __init__(self, form: LogFormat, out: TextIO | None = None) -> None:
        self._written = _as_json if form == "json" else _as_text
        self._out = out or sys.stderr
        self.lines: list[Line] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._repeat, name="stageline-requests", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Write what there is."""
        lines, self.lines = self.lines, []
        if lines:
            self._out.write("".join([self._written(line) for line in lines]))
            self._out.flush()

    def _repeat(self) -> None:
        while not self._stopped.wait(EVERY_S):
            self.flush()


class JsonLines(logging.Formatter):
    """Messages of the log as JSON, beside the requests."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told = {
            "time": _moment(record.created),
            "level": record.levelname.lower(),
            "event": "log",
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def set_up_form(form: LogFormat | None) -> None:
    """Have the log of this process written in a form; it has been set up already."""
    if form == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())


def _as_json(line: Line) -> str:
    told = {
        "time": _moment(line.time),
        "level": "info",
        "event": "request",
        "process": os.getpid(),
        **{name: getattr(line, name) for name in Line._fields[1:]},
        "route": full_route(line.route),
    }
    return msgspec.json.encode(told).decode() + "\n"


def _as_text(line: Line) -> str:
    caller = line.caller if line.caller.isprintable() else ascii(line.caller)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.time))
    return (
        f"{when},{int(line.time % 1 * 1000):03} [{os.getpid()}] INFO "
        f"{line.method} {full_route(line.route)} {line.status} {line.ms}ms {line.bytes}B {caller} {line.request_id}\n"
    )


def _moment(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03}Z"
