"""What the machine does while a run runs: processor, memory, disk and network, as metrics of the run."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_MEGABYTE = 1e6
_STOP_TIMEOUT_S = 5.0

_log = logging.getLogger("stageline")


class SystemMetrics:
    """Samples the machine on a thread of its own, and logs the mean of every few samples.

    The names are the field's, such as `system/cpu_utilization_percentage`; the step counts from 0. Network traffic is
    counted from the start. Graphics cards are not sampled. In a forked child it does nothing.

    Args:
        log: Takes metrics and a step; called on the sampling thread.
        interval_s: Seconds between samples.
        samples: How many samples make a point.
    """

    def __init__(
        self,
        log: Callable[[Mapping[str, float], int], object],
        interval_s: float = 10.0,
        samples: int = 1,
    ) -> None:
        self._log = log
        self._interval_s = interval_s
        self._samples = samples
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._step = 0
        self._complained: set[str] = set()

    def start(self) -> None:
        """Begin. Once begun, nothing happens."""
        if self._thread is None:
            self._pid = os.getpid()
            self._thread = threading.Thread(
                target=self._run, name="stageline-system-metrics", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End, and log what has been sampled since the last point. May be called more than once."""
        if self._thread is None or self._pid != os.getpid():
            return
        self._stopped.set()
        # It may itself have been the one to end the run, or hang in a file system that does not answer.
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_TIMEOUT_S)

    def __enter__(self) -> SystemMetrics:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            import psutil  # late, and on this thread: the run does not wait for it

            machine = _Machine(psutil)
        except Exception as error:  # a machine that psutil does not understand is no reason to fail
            self._complain("psutil", error)
            return
        taken: list[dict[str, float]] = []
        while not self._stopped.wait(self._interval_s):
            taken.append(self._sample(machine))
            if len(taken) >= self._samples:
                self._log_mean(taken)
                taken = []
        if taken or self._step == 0:  # a short run has one point, too
            self._log_mean(taken or [self._sample(machine)])

    def _sample(self, machine: _Machine) -> dict[str, float]:
        found: dict[str, float] = {}
        for read in (machine.processor, machine.memory, machine.disk, machine.network):
            try:
                found.update(read())
            except Exception as error:  # what a container hides differs from one to the next
                self._complain(read.__name__, error)
        return found

    def _log_mean(self, taken: list[dict[str, float]]) -> None:
        names = {name for sample in taken for name in sample}
        means = {name: fmean(one[name] for one in taken if name in one) for name in sorted(names)}
        try:
            self._log({f"system/{name}": value for name, value in means.items()}, self._step)
        except Exception as error:  # the training must not end for want of these figures
            self._complain("logging", error)
        self._step += 1

    def _complain(self, what: str, error: Exception) -> None:
        if what not in self._complained:
            self._complained.add(what)
            _log.warning("system metrics: %s failed and is left out: %r", what, error)


class _Machine:
    def __init__(self, psutil: ModuleType) -> None:
        self._psutil = psutil
        psutil.cpu_percent()  # the next call tells what has happened since this one
        self._traffic = psutil.net_io_counters()

    def processor(self) -> dict[str, float]:
        return {"cpu_utilization_percentage": self._psutil.cpu_percent()}

    def memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
        }

    def disk(self) -> dict[str, float]:
        disk = self._psutil.disk_usage(os.sep)
        return {
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_usage_percentage": disk.percent,
            "disk_available_megabytes": disk.free / _MEGABYTE,
        }

    def network(self) -> dict[str, float]:
        traffic, before = self._psutil.net_io_counters(), self._traffic
        if traffic is None or before is None:  # no network interface
            return {}
        return {
            "network_receive_megabytes": (traffic.bytes_recv - before.bytes_recv) / _MEGABYTE,
            "network_transmit_megabytes": (traffic.bytes_sent - before.bytes_sent) / _MEGABYTE,
        }
