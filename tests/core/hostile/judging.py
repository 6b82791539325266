"""Runs the use cases on a damaged store and says what is not as it should be: nothing, if all is well."""

from __future__ import annotations

import logging
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from hostile_store import Populated, in_memory
from reading_uses import Failed, uses_of

from stageline.errors import Corrupt, StagelineError
from stageline.storage import memory

MOST_MEMORY = 900 << 20
"""Bytes of address space beyond what the process has already: less than what any bomb holds."""
MOST_REQUESTS = 3_000
"""Of one use case. A sound store of this size takes fewer than a hundred."""

_CODE = ("pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "os.posix_spawn")

_awaited: dict[str, None] = {}
"""Events of `_CODE` that have not come yet while somebody watches; else empty."""

if sys.gettrace() is not None:
    raise RuntimeError(
        "these tests need an audit hook, with which threads die at random while they are traced (CPython 3.11): "
        "run them without --cov, as `make test-core` does"
    )
# For as long as the process lives: it can not be taken out.
sys.addaudithook(_awaited.pop)


def judge(known: Populated, key: str, poison: bytes | None, folder: Path) -> list[str]:
    """What goes wrong when the object at `key` is replaced with `poison`, or taken away if that is None."""
    url = "memory://hostile"
    objects = {**known.objects, key: poison}
    in_memory(url, {one: data for one, data in objects.items() if data is not None})
    wrong: list[str] = []
    with bounded_memory(), logged() as heard, uses_of(url, known, folder) as uses:
        for name, use in uses.items():
            with requests(url) as asked, code_run() as run:
                told = told_by(use, key)
            trouble = [told] if told else []
            trouble += [f"logged {one}" for one in heard]
            trouble += [f"ran {event}" for event in run]
            if asked["total"] > MOST_REQUESTS:
                trouble.append(f"sent {asked['total']} requests")
            heard.clear()
            wrong += [f"{name}: {one}" for one in trouble]
    return wrong


def told_by(use: Callable[[], object], key: str) -> str | None:
    try:
        use()
    except Corrupt as error:
        return None if names(str(error), key) else f"does not name the object: {error}"
    except StagelineError:
        return None
    except Failed as error:
        return str(error)
    except Exception as error:  # of any kind: that is what is looked for
        return f"{type(error).__name__}: {str(error)[:300]}{_where(error)}"
    return None


def names(message: str, key: str) -> bool:
    """Whether a message says which object it is about: its key, or the id or name in it."""
    parts = [part.partition(".")[0].rstrip("=") for part in key.split("/")]
    return key in message or any(len(part) > 3 and part in message for part in parts[1:])


def _where(error: BaseException) -> str:
    at = error.__traceback__
    last = ""
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        if "/stageline/" in name:
            last = f" ({name.rpartition('/stageline/')[2]}:{at.tb_lineno})"
        at = at.tb_next
    return last


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let nothing take more than `MOST_MEMORY`: it gets a MemoryError instead."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MOST_MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.crashes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, StagelineError):
            self.crashes.append(f"{type(error).__name__}: {str(error)[:300]}{_where(error)}")


@contextmanager
def logged() -> Iterator[list[str]]:
    """Errors that are none of ours and that went to the log, as those of pages and of threads do."""
    handler = _Heard()
    log = logging.getLogger("stageline")
    propagated, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield handler.crashes
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


@contextmanager
def code_run() -> Iterator[list[str]]:
    """What opened a pickle or started a program, in any thread; told when the block ends."""
    run: list[str] = []
    _awaited.update(dict.fromkeys(_CODE))
    try:
        yield run
    finally:
        run += [event for event in _CODE if event not in _awaited]
        _awaited.clear()


@contextmanager
def requests(url: str) -> Iterator[Counter[str]]:
    """How many reads and listings the store at `url` was asked for."""
    asked: Counter[str] = Counter()
    store = memory.MemoryStore
    read, listed = store.read, store.list

    def counted_read(self: memory.MemoryStore, key: str) -> bytes:
        asked["total"] += 1
        return read(self, key)

    def counted_list(
        self: memory.MemoryStore, prefix: str, *, deep: bool = True, limit: int | None = None
    ) -> list[memory.Entry]:
        asked["total"] += 1
        return listed(self, prefix, deep=deep, limit=limit)

    store.read, store.list = counted_read, counted_list  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        store.read, store.list = read, listed  # type: ignore[method-assign]
