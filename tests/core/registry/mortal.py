"""A process that changes registries, and dies of a SIGKILL while it does.

Run as `mortal.py URL`: each line of its standard input is `COMMAND NAME RUN AT`. A forked child carries the command
out on the model NAME, and kills itself once its request number AT to the store has been answered. How it ended is
printed: 0, or the negative number of the signal.

Run as `mortal.py URL NAME`: changes the model over and over, and prints each change once it is acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from stageline import Workspace
from stageline.registry.registry import Registry
from stageline.testing.counting import CountingStore

COMMANDS: dict[str, Callable[[Registry, str, str], Any]] = {
    "register": lambda r, name, run_id: r.register(name, run_id, "model"),
    "transition": lambda r, name, _: r.transition(name, 2, "Production", archive_existing=True),
    "request": lambda r, name, _: r.request_transition(name, 1, "Staging", actor="eve"),
    "approve": lambda r, name, _: r.approve(name, 1, actor="bob"),
}


class MortalStore(CountingStore):
    """Kills its process once one of its requests has been answered."""

    def __init__(self, inner: Any, at: int) -> None:
        super().__init__(inner)
        self._at = at
        self._requests = count(1)

    def _mortal(self, call: Callable[..., Any], *args: Any, **how: Any) -> Any:
        answer = call(*args, **how)
        if next(self._requests) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def read(self, key: str) -> bytes:
        return self._mortal(super().read, key)

    def create(self, key: str, data: bytes) -> bool:
        return self._mortal(super().create, key, data)

    def replace(self, key: str, data: bytes) -> None:
        return self._mortal(super().replace, key, data)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> Any:
        return self._mortal(super().list, prefix, deep=deep, limit=limit)

    def delete(self, key: str) -> None:
        return self._mortal(super().delete, key)


def carry_out(url: str, command: str, name: str, run_id: str, at: int) -> None:
    workspace = Workspace.open(url)
    store = MortalStore(workspace.store, at)
    COMMANDS[command](Workspace(store, workspace.settings).registry, name, run_id)


def serve(url: str) -> None:
    if url.startswith("s3:"):
        import s3fs  # noqa: F401 - once, and not in each child
    for line in sys.stdin:
        command, name, run_id, at = line.split()
        # A process of its own for each; nothing that could not be forked has been opened here.
        child = os.fork()
        if child == 0:
            carry_out(url, command, name, run_id, int(at))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def tell(what: str, number: int) -> None:
    """By one call of the system, also where PYTHONUNBUFFERED is set: a line is there or not, whenever we are killed."""
    os.write(1, f"{what} {number}\n".encode())


def go_on(url: str, name: str) -> None:
    registry = Workspace.open(url).registry
    for number in count(1):
        registry.register(name, source=f"s3://{number}", digest=str(number))
        tell("registered", number)
        request = registry.request_transition(name, number, "Staging", actor="eve")
        tell("asked", number)
        registry.approve(name, request.number, actor="bob")
        tell("approved", number)
        registry.transition(name, number, "Production", archive_existing=True)
        tell("promoted", number)


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) == 2 else go_on(sys.argv[1], sys.argv[2])
