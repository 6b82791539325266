"""Sixteen processes, one journal: each entry has exactly one author, who knows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import S3Server

from stageline.storage.journal import Journal
from stageline.storage.open import open_store

PROCESSES = 16
ENTRIES = 5


def race(url: str, environment: dict[str, str]) -> list[str]:
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("race.py")),
                url,
                str(ENTRIES),
                f"p{name}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        for name in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.close()
        racer.stdin = None
    won: list[str] = []
    for racer in racers:
        output, _ = racer.communicate(timeout=120)
        assert racer.returncode == 0
        won += output.split()
    return won


def check(won: list[str], stored: list[str]) -> None:
    assert [name.rpartition("-")[2] for name in stored] == [str(n) for n in range(1, ENTRIES + 1)]
    assert sorted(won) == sorted(stored)


def test_one_process_wins_each_entry_in_a_folder(tmp_path: Path) -> None:
    won = race(str(tmp_path), {})
    check(won, [entry.data.decode() for entry in Journal(open_store(tmp_path), "race/").entries()])


@pytest.mark.slow
def test_one_process_wins_each_entry_on_seaweedfs(seaweedfs_server: S3Server) -> None:
    url = seaweedfs_server.new_bucket()
    won = race(url, seaweedfs_server.environment())
    store = open_store(url, seaweedfs_server.options)
    check(won, [entry.data.decode() for entry in Journal(store, "race/").entries()])
