"""Identifiers: made by the client, unique without asking anyone, sortable by time where time is known."""

from __future__ import annotations

import hashlib
import os
import time


class _Noise:
    """Random bytes, fetched for many ids at once: to ask the system is to let go of the interpreter, and in a process
    of many threads it takes as long as the rest of a run's beginning until it is one's turn again."""

    def __init__(self) -> None:
        self._ready: list[bytes] = []
        os.register_at_fork(after_in_child=self._ready.clear)

    def next(self) -> bytes:
        """16 bytes that no other caller, thread or process gets."""
        try:
            return self._ready.pop()
        except IndexError:
            block = os.urandom(16 * 64)
            self._ready.extend(block[at : at + 16] for at in range(16, len(block), 16))
            return block[:16]


_noise = _Noise()


def new_run_id() -> str:
    """32 hexadecimal digits laid out as a UUID of version 7 (RFC 9562): ids sort by the millisecond of their making."""
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(_noise.next()[:10], "big")
    number = (
        milliseconds << 80 | 0x7 << 76 | (noise >> 68) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    )
    return f"{number:032x}"


def derive_run_id(*parts: str) -> str:
    """The same 32 hexadecimal digits for the same parts, anywhere: how hosts agree on a run without talking."""
    framed = "".join([f"{len(part)}:{part}," for part in ("stageline.run/1", *parts)])
    return hashlib.sha256(framed.encode()).hexdigest()[:32]


def new_writer_id() -> str:
    """16 hexadecimal digits naming one process's stream of records in one run."""
    return _noise.next()[:8].hex()


def new_experiment_id() -> str:
    """A decimal number that fits in a signed 64-bit integer, since some clients of the protocol insist on one."""
    return str(
        time.time_ns() // 1_000_000 * 1_000_000 + int.from_bytes(os.urandom(4), "big") % 1_000_000
    )


def new_txn() -> str:
    """32 hexadecimal digits that make the body of a conditional write unlike any other."""
    return _noise.next().hex()


DEFAULT_EXPERIMENT_ID = "0"
DEFAULT_EXPERIMENT_NAME = "Default"
