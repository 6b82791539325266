"""The machine is sampled while a run runs, and never at its cost."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping

import psutil
import pytest
from processes import until

from stageline.tracking.system_metrics import SystemMetrics

NAMES = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_usage_percentage",
    "system/disk_available_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
}


class Points:
    def __init__(self) -> None:
        self.logged: list[tuple[dict[str, float], int]] = []

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.logged.append((dict(metrics), step))

    def come(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.logged) >= count


@pytest.fixture
def points() -> Points:
    return Points()


def sampling_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "stageline-system-metrics"]


def test_points_come_with_the_field_s_names_and_steps(points: Points) -> None:
    with SystemMetrics(points.log, interval_s=0.001):
        until(points.come(3), "three points")
    assert set(points.logged[0][0]) == NAMES
    assert [step for _, step in points.logged] == list(range(len(points.logged)))
    assert all(type(value) is float for value in points.logged[1][0].values())
    assert points.logged[0][0]["system/system_memory_usage_megabytes"] > 1


def test_short_run_has_one_point(points: Points) -> None:
    with SystemMetrics(points.log, interval_s=3600):
        pass
    assert len(points.logged) == 1


def test_point_is_the_mean_of_its_samples(points: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = iter([0.0, 10.0, 30.0, *[50.0] * 10_000])
    monkeypatch.setattr(psutil, "cpu_percent", lambda: next(loads))
    with SystemMetrics(points.log, interval_s=0.001, samples=2):
        until(points.come(1), "a point")
    assert points.logged[0][0]["system/cpu_utilization_percentage"] == 20.0


def test_stop_leaves_no_thread_and_may_be_repeated(points: Points) -> None:
    sampling = SystemMetrics(points.log, interval_s=0.001)
    sampling.stop()
    sampling.start()
    sampling.start()
    assert len(sampling_threads()) == 1
    sampling.stop()
    sampling.stop()
    assert sampling_threads() == []
    count = len(points.logged)
    assert points.come(count)()


def test_run_that_ends_itself_by_a_point_does_not_wait_for_itself() -> None:
    done = threading.Event()

    def end(_: Mapping[str, float], __: int) -> None:
        sampling.stop()
        done.set()

    sampling = SystemMetrics(end, interval_s=0.001)
    sampling.start()
    assert done.wait(60)
    sampling.stop()


def test_sample_that_fails_is_left_out_and_said_once(
    points: Points, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def hidden(_: str) -> None:
        raise PermissionError("not in this container")

    monkeypatch.setattr(psutil, "disk_usage", hidden)
    with caplog.at_level(logging.WARNING), SystemMetrics(points.log, interval_s=0.001):
        until(points.come(3), "three points")
    assert set(points.logged[0][0]) == {name for name in NAMES if "disk" not in name}
    assert [record.getMessage() for record in caplog.records] == [
        "system metrics: disk failed and is left out: PermissionError('not in this container')"
    ]


def test_machine_without_a_network_has_the_other_metrics(
    points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "net_io_counters", lambda: None)
    with SystemMetrics(points.log, interval_s=3600):
        pass
    assert set(points.logged[0][0]) == {name for name in NAMES if "network" not in name}


def test_machine_that_psutil_does_not_understand_is_said_once(
    points: Points, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("what is this?")

    monkeypatch.setattr(psutil, "cpu_percent", broken)
    with caplog.at_level(logging.WARNING), SystemMetrics(points.log):
        pass
    assert len(caplog.records) == 1
    assert points.logged == []


def test_log_that_fails_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    def fail(_: Mapping[str, float], step: int) -> None:
        calls.append(step)
        raise OSError("the disk is full")

    with caplog.at_level(logging.WARNING), SystemMetrics(fail, interval_s=0.001):
        until(lambda: len(calls) >= 3, "three calls")
    assert len(caplog.records) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_neither_samples_nor_waits(points: Points) -> None:
    with SystemMetrics(points.log, interval_s=3600) as sampling:
        pid = os.fork()
        if pid == 0:
            sampling.stop()
            os._exit(len(points.logged))
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
