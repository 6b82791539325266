"""The SQLite file behind a projection: found, opened, given its schema, and given up when it is damaged.

A damaged or foreign file is never repaired or overwritten, because another process may have it open: the next
generation, `<stem>-<n+1>.sqlite`, takes its place. Where no file can be had, the database is in memory.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
APPLICATION_ID = 0x5347_4C4E  # "SGLN"

# A bulk load of 100,000 runs holds the file for about three seconds.
_BUSY_TIMEOUT_S = 60.0
_CACHE_KB = 65_536
_MOST_FAILURES = 3
_SUFFIX = ".sqlite"
_OUR_MISTAKES = (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.NotSupportedError)
_JOURNAL_BYTES = 16 << 20

_inherited: list[sqlite3.Connection] = []
"""Connections that a fork copied: SQLite forbids even to close them."""

CREATE_TABLES = """
CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE keys (
    key_id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, slot INTEGER, UNIQUE (kind, key)
);
CREATE TABLE runs (
    rid INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, start_time INTEGER NOT NULL, end_time INTEGER,
    status TEXT NOT NULL, user_id TEXT NOT NULL, run_name TEXT NOT NULL, deleted INTEGER NOT NULL
);
CREATE INDEX by_start ON runs (start_time DESC, run_id);
CREATE TABLE extra (key_id INTEGER, rid INTEGER, value, PRIMARY KEY (key_id, rid)) WITHOUT ROWID;
CREATE TABLE inputs (rid INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, context TEXT);
CREATE INDEX inputs_by_run ON inputs (rid);
CREATE TABLE bodies (rid INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""
TABLES = ("state", "keys", "runs", "extra", "inputs", "bodies")


class ProjectionLost(Exception):
    """What was projected is gone, and an empty database is in its place: take everything in again."""


class ProjectionFile:
    """One connection to one database, safe to use from many threads, in many processes, and after a fork."""

    def __init__(self, path: Path, functions: dict[str, Callable[[str | None, str], bool]]) -> None:
        self._path = path
        self._functions = functions
        self._lock = RLock()
        self._pid = os.getpid()
        self._prefix = f"{path.name}.{SCHEMA_VERSION}-"
        self._generation: int | None = None
        self._failures = 0
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self, kind: str = "DEFERRED") -> Iterator[sqlite3.Connection]:
        """All or nothing of what happens inside; `IMMEDIATE` keeps other writers out.

        Raises `ProjectionLost` if the file can not be used any more.
        """
        with self._lock:
            try:
                connection = self._opened()
                with transaction(connection, kind):
                    yield connection
            except sqlite3.DatabaseError as error:
                if isinstance(error, _OUR_MISTAKES):
                    raise
                self.close()
                if self._generation is not None:
                    self._supersede(self._generation, error)
                raise ProjectionLost(f"{self._path}: {error}") from error

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._pid != os.getpid():
                _inherited.append(connection)
            else:
                connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        if self._connection is None:
            self._connection = self._open_file() or self._in_memory()
        return self._connection

    def _open_file(self) -> sqlite3.Connection | None:
        """None where there is no place for a file, or a few of them did not work."""
        while self._failures < _MOST_FAILURES:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                generation = max(self._generations(), default=0)
            except OSError:
                return None
            try:
                self._generation = generation
                return self._prepared(str(self._file(generation)))
            except sqlite3.DatabaseError as error:
                self._supersede(generation, error)
        return None

    def _in_memory(self) -> sqlite3.Connection:
        self._generation = None
        return self._prepared(":memory:")

    def _prepared(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            name, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _provide_schema(connection)
            _configure(connection)
            for function, python in self._functions.items():
                connection.create_function(function, 2, python, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _supersede(self, generation: int, error: sqlite3.DatabaseError) -> None:
        """Let another file take the place of this one. A busy file is sound: then this process does without."""
        self._failures += 1
        if _is_busy(error):
            self._failures = _MOST_FAILURES
            return
        try:
            self._file(generation + 1).touch()
            old = self._file(generation)
            for ending in ("", "-wal", "-shm"):
                old.with_name(old.name + ending).unlink(missing_ok=True)
        except OSError:
            self._failures = _MOST_FAILURES

    def _file(self, generation: int) -> Path:
        return self._path.with_name(f"{self._prefix}{generation}{_SUFFIX}")

    def _generations(self) -> list[int]:
        """Numbers of the files that are there; files of another version's schema are not looked at."""
        names = [
            name
            for name in os.listdir(self._path.parent)
            if name.startswith(self._prefix) and name.endswith(_SUFFIX)
        ]
        numbers = [name[len(self._prefix) : -len(_SUFFIX)] for name in names]
        return [int(number) for number in numbers if number.isdecimal()]


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """All or nothing of what happens inside."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def bound_caches(bytes_together: int) -> None:
    """Let all pages that SQLite keeps in this process take no more: each copy of an index may keep `_CACHE_KB`.

    It holds for whatever else uses SQLite here, so it is for processes of our own
    (https://sqlite.org/pragma.html#pragma_soft_heap_limit).
    """
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA soft_heap_limit = {bytes_together}")
    finally:
        connection.close()


def clear(connection: sqlite3.Connection) -> None:
    """Empty the database, in the caller's transaction."""
    for table in TABLES:
        connection.execute(f"DROP TABLE {table}")
    _create_tables(connection)


def _provide_schema(connection: sqlite3.Connection) -> None:
    ours = (APPLICATION_ID, SCHEMA_VERSION)
    if _mark(connection) == ours:
        return
    with transaction(connection, "IMMEDIATE"):
        if _mark(connection) == ours:
            return  # another process was faster
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("the file is another program's")
        _create_tables(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _configure(connection: sqlite3.Connection) -> None:
    # Switching does not wait for others as everything else does; whoever comes last will have switched.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in CREATE_TABLES.split(";"):
        connection.execute(statement)


def _mark(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
