"""What a worker keeps of memory that it gave back: little, whatever passed through it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from processes import WITHIN_S

KEPT = """
import ctypes, sys, threading
from stageline.serving.allocator import keep_little

class Info(ctypes.Structure):
    _fields_ = [(f"f{n}", ctypes.c_size_t) for n in range(10)]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
assert keep_little() is (sys.argv[1] == "bounded")
del sys.argv[1:]
large = bytes(24 << 20)  # glibc takes it for usual, and cuts the next ones from the heap
del large
small = []
gate = threading.Barrier(8)

def work():
    gate.wait()
    buffers = []
    for _ in range(20):
        buffers.append(bytes(300_000))
        small.append(bytes(600))
    gate.wait()
    del buffers

threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
print(libc.mallinfo2().f8)  # fordblks: bytes that are free, and kept
"""

USED = """
import ctypes.util, os, sqlite3, sys
from stageline.storage.projection_file import bound_caches

bound_caches(16 << 20)
kept = []
for number in range(3):
    connection = sqlite3.connect(f"{sys.argv[1]}/{number}", isolation_level=None)
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t VALUES (?)", ([os.urandom(1000)] for _ in range(15_000)))
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*), max(length(a)) FROM t").fetchone() == (15_000, 1000)
    kept.append(connection)
library = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
library.sqlite3_memory_used.restype = ctypes.c_longlong
print(library.sqlite3_memory_used())
"""


def told(code: str, *arguments: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_worker_gives_back_what_large_buffers_of_threads_took() -> None:
    assert told(KEPT, "bounded") < 8 << 20
    # Whoever chose by the environment is left alone; so one sees that the bound is what does it.
    assert told(KEPT, "not", MALLOC_ARENA_MAX="16") > 40 << 20


def test_copies_of_indexes_share_one_bound(tmp_path: Path) -> None:
    assert told(USED, str(tmp_path)) < 24 << 20
