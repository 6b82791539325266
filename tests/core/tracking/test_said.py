"""What a writer remembers of its own log counts only while the log holds nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.domain.events import Event, PointLogged, TagsSet, encode_event
from stageline.storage.wal import WalHead, WriteAheadLog, create_wal
from stageline.tracking.said import MOST, Said

HEAD = WalHead(store="/store", run_id="r", writer="w", pid=1, host="here")
FIRST = TagsSet(1, {"quality": "good"})
SECOND = PointLogged("rmse", 0.5, 0, 1)


@pytest.fixture
def log(tmp_path: Path) -> WriteAheadLog:
    return create_wal(tmp_path / "runs" / "r.wal", HEAD)


def taken(said: Said, log: WriteAheadLog, read_to: int) -> list[Event] | None:
    _, records = said.take(log.path, read_to)
    return None if records is None else [event for event, _ in records]


def test_what_alone_was_said_need_not_be_read(log: WriteAheadLog):
    said = Said()
    said.say(log.append, FIRST, SECOND)
    said.say(log.append, FIRST)
    size, records = said.take(log.path, log.begun_with)
    assert records == [(each, len(encode_event(each))) for each in (FIRST, SECOND, FIRST)]
    assert size == log.path.stat().st_size
    assert taken(said, log, size) == []


def test_a_record_that_somebody_else_appended_has_the_log_read(log: WriteAheadLog):
    said = Said()
    said.say(log.append, FIRST)
    log.append(encode_event(SECOND))
    assert taken(said, log, log.begun_with) is None
    size = log.path.stat().st_size
    said.say(log.append, FIRST)
    assert taken(said, log, size) == [FIRST]


def test_a_torn_record_has_the_log_read(log: WriteAheadLog):
    said = Said()
    said.say(log.append, FIRST)
    with log.path.open("ab") as file:
        file.write(b"\x09\x00\x00")
    assert taken(said, log, log.begun_with) is None


def test_more_than_a_few_records_have_the_log_read(log: WriteAheadLog):
    said = Said()
    for _ in range(MOST + 2):
        said.say(log.append, FIRST)
    assert taken(said, log, log.begun_with) is None


def test_what_the_log_refused_was_not_said(log: WriteAheadLog):
    def refuse(*payloads: bytes) -> None:
        raise OSError("the disk is full")

    said = Said()
    with pytest.raises(OSError, match="full"):
        said.say(refuse, FIRST)
    assert taken(said, log, log.begun_with) == []
