"""A bad network: two network namespaces of the kernel, and between them a wire that loses, delays and is cut.

Whole packets are lost, so it is TCP that repairs them, as on a real network. The kernel's own emulator (netem) is not
in every kernel, so the wire is a thread between two TUN devices. Needs root; `why_not` says what else is missing.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from processes import Script

NEAR, FAR = "10.209.0.1", "10.209.0.2"
"""The addresses of the two ends."""
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001
_PACKET = 65536
_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """What this machine lacks for a wire; empty if nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"there is no program {program!r}"
    if not Path("/dev/net/tun").exists():
        return "the kernel has no TUN devices"
    made = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if made.returncode == 0 else f"no network namespace: {made.stderr.decode().strip()}"


class End:
    """A network namespace: nothing in it reaches anything but the other end."""

    def __init__(self, address: str) -> None:
        self.address = address
        # It lives as long as somebody is in it.
        self._holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "echo in; exec sleep infinity"], stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"in\n"
        self.within = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]
        """What to put before a command."""

    def open_device(self) -> int:
        """A TUN device there, up, as a file of packets. The calling thread stays in that namespace."""
        namespace = os.open(f"/proc/{self._holder.pid}/ns/net", os.O_RDONLY)
        try:
            if _libc.setns(namespace, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(namespace)
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"wire", _TUN_WITHOUT_HEADER))
        for words in (
            "link set lo up", f"addr add {self.address}/24 dev wire", "link set wire up",
        ):  # fmt: skip
            subprocess.run([*self.within, "ip", *words.split()], check=True)
        return device

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


class Wire:
    """Carries packets between two ends, as badly as its fields say; they may be changed at any time."""

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        """Of the packets, in each direction."""
        self.delay_s = (0.0, 0.0)
        """From and to; packets overtake each other."""
        self.is_cut = False
        """Packets vanish, and nobody is told."""
        self.carried = self.lost = 0
        self.near, self.far = End(NEAR), End(FAR)
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in (self.near, self.far):
            end.close()

    def _carry(self) -> None:
        devices = [self.near.open_device(), self.far.open_device()]
        self._ready.set()
        due: list[tuple[float, int, int, bytes]] = []
        order = count()
        while not self._stop.is_set():
            wait = max(0.0, min(0.05, due[0][0] - time.monotonic())) if due else 0.05
            for device in select.select(devices, [], [], wait)[0]:
                packet = os.read(device, _PACKET)
                if self.is_cut or self._random.random() < self.loss:
                    self.lost += 1
                    continue
                at = time.monotonic() + self._random.uniform(*self.delay_s)
                other = devices[1 - devices.index(device)]
                heapq.heappush(due, (at, next(order), other, packet))
            while due and due[0][0] <= time.monotonic():
                _, _, to, packet = heapq.heappop(due)
                os.write(to, packet)
                self.carried += 1
        for device in devices:
            os.close(device)


@contextmanager
def wired(seed: int = 1) -> Iterator[Wire]:
    """A wire, until the end of the block."""
    wire = Wire(seed)
    try:
        yield wire
    finally:
        wire.close()


def started(end: End, command: list[str], **given: Any) -> Script:
    """A process at one end."""
    return Script([*end.within, *command], text=True, **given)
