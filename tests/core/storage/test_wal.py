"""What a log acknowledged is read back, whatever happened to the file or to the process; and nothing else is."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import wal_head

from stageline.errors import Corrupt, InvalidInput, NotAllowed, StorageFailed
from stageline.storage.frames import MAX_RECORD, scan_frames
from stageline.storage.wal import (
    WriteAheadLog,
    adopt_wal,
    create_wal,
    decode_head,
    is_written,
    read_tail,
)

HEAD = wal_head()
PAYLOADS = st.lists(st.binary(min_size=1, max_size=20), max_size=6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "w.wal"


@pytest.fixture
def log(path: Path) -> Iterator[WriteAheadLog]:
    log = create_wal(path, HEAD)
    yield log
    log.close()


def frame(payload: bytes) -> bytes:
    """A frame as the format says, spelt out here: a test that asked the code would believe anything."""
    return len(payload).to_bytes(4, "little") + crc32(payload).to_bytes(4, "little") + payload


def records(path: Path) -> list[bytes]:
    return scan_frames(read_tail(path, 0)).payloads[1:]


# -- what is read -------------------------------------------------------------------------------------


def test_log_begins_with_its_head_and_holds_what_was_appended(
    log: WriteAheadLog, path: Path
) -> None:
    log.append(b"one")
    log.append(b"two")
    frames = scan_frames(path.read_bytes())
    assert decode_head(frames.payloads[0]) == HEAD
    assert frames.payloads[1:] == [b"one", b"two"]
    assert (frames.end, frames.skipped) == (path.stat().st_size, 0)


def test_file_is_frames_and_nothing_else(log: WriteAheadLog, path: Path) -> None:
    log.append(b"one")
    assert path.read_bytes() == frame(msgspec.msgpack.encode(HEAD)) + frame(b"one")


def test_tail_is_read_from_where_reading_ended(log: WriteAheadLog, path: Path) -> None:
    log.append(b"one")
    first = scan_frames(read_tail(path, 0))
    log.append(b"two")
    assert scan_frames(read_tail(path, first.end)).payloads == [b"two"]
    assert scan_frames(path.read_bytes(), first.end).payloads == [b"two"]


def test_log_is_readable_by_its_owner_alone(log: WriteAheadLog, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


@given(PAYLOADS)
def test_log_cut_at_any_byte_holds_exactly_the_whole_records(payloads: list[bytes]) -> None:
    data = b"".join(map(frame, payloads))
    ends = [sum(len(frame(p)) for p in payloads[:n]) for n in range(len(payloads) + 1)]
    for length in range(len(data) + 1):
        whole = sum(end <= length for end in ends) - 1
        assert scan_frames(data[:length]) == (payloads[:whole], ends[whole], 0)


@given(PAYLOADS.filter(bool), st.data())
def test_flipped_bit_costs_at_most_its_own_record(payloads: list[bytes], data: Any) -> None:
    sound = b"".join(map(frame, payloads))
    at = data.draw(st.integers(0, len(sound) * 8 - 1))
    damaged = bytearray(sound)
    damaged[at // 8] ^= 1 << at % 8
    hit = next(
        n for n in range(len(payloads)) if at // 8 < len(b"".join(map(frame, payloads[: n + 1])))
    )
    found = scan_frames(bytes(damaged))
    assert found.payloads == [*payloads[:hit], *payloads[hit + 1 :]]
    is_tail = hit == len(payloads) - 1
    assert found.skipped == (0 if is_tail else len(frame(payloads[hit])))


def test_every_flipped_bit_of_a_log_costs_one_record() -> None:
    payloads = [b"first", b"\x00" * 9, b"third"]
    sound = b"".join(map(frame, payloads))
    for at in range(len(sound) * 8):
        damaged = bytearray(sound)
        damaged[at // 8] ^= 1 << at % 8
        found = scan_frames(bytes(damaged)).payloads
        assert len(found) == 2
        assert set(found) < set(payloads)


@given(st.binary(max_size=200), PAYLOADS)
def test_noise_before_a_record_hides_nothing(noise: bytes, payloads: list[bytes]) -> None:
    data = frame(b"head") + noise + b"".join(map(frame, payloads))
    found = scan_frames(data)
    assert found.payloads == [b"head", *payloads]
    assert found.skipped == (len(noise) if payloads else 0)


def test_zeros_that_a_power_loss_left_are_passed_over() -> None:
    data = frame(b"a") + bytes(4096) + frame(b"b")
    assert scan_frames(data) == ([b"a", b"b"], len(data), 4096)


def test_length_of_gigabytes_is_damage() -> None:
    absurd = (MAX_RECORD + 1).to_bytes(4, "little") + bytes(4)
    assert scan_frames(frame(b"a") + absurd + frame(b"b")).payloads == [b"a", b"b"]


def test_long_torn_record_is_scanned_without_copying_it_again_and_again() -> None:
    class Watched(bytes):
        copied = 0

        def __getitem__(self, part: Any) -> Any:
            found = super().__getitem__(part)
            Watched.copied += len(found)
            return found

    torn = frame(os.urandom(1 << 16))[:-1]
    assert scan_frames(Watched(frame(b"a") + torn)).payloads == [b"a"]
    assert Watched.copied < 50 * len(torn)


def test_empty_log_holds_nothing() -> None:
    assert scan_frames(b"") == ([], 0, 0)
    assert scan_frames(b"\x01") == ([], 0, 0)


@given(st.binary())
def test_noise_is_no_head(noise: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_head(noise)


def test_head_of_a_newer_format_asks_for_an_upgrade() -> None:
    newer = {**msgspec.to_builtins(HEAD), "format": "stageline.wal/2"}
    with pytest.raises(NotAllowed, match="upgrade stageline"):
        decode_head(msgspec.msgpack.encode(newer))


def test_head_with_fields_of_a_later_version_is_read() -> None:
    later = {**msgspec.to_builtins(HEAD), "mood": "good"}
    assert decode_head(msgspec.msgpack.encode(later)) == HEAD


# -- disks that fill up -------------------------------------------------------------------------------


@contextmanager
def disk(takes: Callable[[int, int], int]) -> Iterator[None]:
    """`takes(call, size)`: how many bytes the n-th write takes; below 0, it fails with that errno."""
    real = os.write
    calls = 0

    def write(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        count = takes(calls, len(data))
        if count < 0:
            raise OSError(-count, os.strerror(-count))
        return real(descriptor, data[:count]) if count else 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        yield


@given(
    st.lists(
        st.sampled_from(["whole", "part", "nothing", "full", "broken"]), min_size=1, max_size=20
    ),
    st.integers(1, 15),
)
def test_acknowledged_records_and_no_others_are_read(outcomes: list[str], part: int) -> None:
    def takes(call: int, size: int) -> int:
        outcome = "whole" if call == 1 else outcomes[call % len(outcomes)]
        return {
            "whole": size,
            "part": min(part, size - 1),
            "nothing": 0,
            "full": -errno.ENOSPC,
            "broken": -errno.EIO,
        }[outcome]

    with tempfile.TemporaryDirectory() as folder, disk(takes):
        path = Path(folder) / "w.wal"
        log = create_wal(path, HEAD)
        acknowledged = []
        for number in range(12):
            payload = b"%d" % number * 3
            try:
                log.append(payload)
            except StorageFailed:
                continue
            acknowledged.append(payload)
        log.close()
        assert records(path) == acknowledged


def test_short_write_is_made_good(path: Path) -> None:
    with disk(lambda call, size: 5 if call == 2 else size):
        log = create_wal(path, HEAD)
        log.append(b"one")
        log.append(b"two")
    log.close()
    assert records(path) == [b"one", b"two"]


@pytest.mark.parametrize("failing", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_disk_that_fails_once_costs_the_record_that_was_refused(path: Path, failing: int) -> None:
    with disk(lambda call, size: -failing if call == 3 else size):
        log = create_wal(path, HEAD)
        log.append(b"one")
        with pytest.raises(StorageFailed, match=f"{path}: {os.strerror(failing)}"):
            log.append(b"two")
        log.append(b"three")
    log.close()
    assert records(path) == [b"one", b"three"]


@pytest.mark.parametrize("count", [0, 5, -errno.ENOSPC])
def test_log_that_can_not_begin_leaves_no_file(path: Path, count: int) -> None:
    with disk(lambda call, size: count), pytest.raises(StorageFailed, match="No space left"):
        create_wal(path, HEAD)
    assert list(path.parent.iterdir()) == []


def test_folder_that_can_not_be_made_is_a_failure_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="File exists"):
        create_wal(tmp_path / "file" / "w.wal", HEAD)


def test_record_that_no_reader_would_take_is_refused(log: WriteAheadLog, path: Path) -> None:
    log.append(b"one")
    with pytest.raises(InvalidInput, match="smaller"):
        log.append(bytes(MAX_RECORD + 1))
    log.append(b"two")
    assert records(path) == [b"one", b"two"]


def test_each_record_is_synced_when_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    log = create_wal(path, HEAD, sync_each=True)
    log.append(b"one")
    log.append(b"two")
    log.close()
    assert synced[-1] == path.stat().st_size
    assert len(set(synced)) >= 2


def test_sync_that_fails_is_told(log: WriteAheadLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFailed, match="Input/output error"):
        log.sync()


# -- threads and processes ----------------------------------------------------------------------------


def test_records_of_many_threads_are_all_there(log: WriteAheadLog, path: Path) -> None:
    def write(name: int) -> None:
        for number in range(250):
            log.append(b"%d-%d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = records(path)
    assert sorted(found) == sorted(b"%d-%d" % (n, i) for n in range(8) for i in range(250))
    # Each thread's own are in its order.
    assert [r for r in found if r.startswith(b"3-")] == [b"3-%d" % i for i in range(250)]


def test_open_log_is_written_and_nobody_elses(log: WriteAheadLog, path: Path) -> None:
    assert is_written(path)
    assert adopt_wal(path) is None
    log.close()
    assert not is_written(path)


def test_log_that_is_not_there_is_not_written(path: Path) -> None:
    assert not is_written(path)
    assert adopt_wal(path) is None


def test_adopted_log_goes_on_and_is_adopted_once(log: WriteAheadLog, path: Path) -> None:
    log.append(b"one")
    log.close()
    adopted = adopt_wal(path)
    assert adopted is not None
    assert adopt_wal(path) is None
    assert is_written(path)
    adopted.append(b"two")
    adopted.close()
    assert records(path) == [b"one", b"two"]


def test_log_that_another_removed_while_it_was_adopted_is_left_alone(
    log: WriteAheadLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.close()
    real = fcntl.flock

    def removed_first(descriptor: int, how: int) -> None:
        path.unlink()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    assert adopt_wal(path) is None


def test_lock_that_the_file_system_refuses_is_told(
    log: WriteAheadLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for ask in (adopt_wal, is_written):
        with pytest.raises(StorageFailed, match="No locks available"):
            ask(path)


def test_closed_log_takes_nothing(log: WriteAheadLog) -> None:
    log.close()
    log.close()
    with pytest.raises(StorageFailed, match="closed"):
        log.append(b"late")


def test_restarted_log_goes_on_in_another_file(log: WriteAheadLog, path: Path) -> None:
    other = path.with_name("other.wal")
    log.append(b"one")
    log.close()
    log.restart(other, wal_head(writer="other"))
    log.append(b"two")
    log.close()
    assert records(path) == [b"one"]
    assert records(other) == [b"two"]
    assert decode_head(scan_frames(other.read_bytes()).payloads[0]).writer == "other"


def test_detached_log_may_open_another_and_lose_nothing(log: WriteAheadLog, path: Path) -> None:
    other = path.with_name("other.wal")
    log.close()
    log.on_detached = lambda: log.restart(other, HEAD)
    log.append(b"one")
    log.append(b"two")
    log.close()
    assert records(other) == [b"one", b"two"]


def python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line of its output, or a failure instead of a hang."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 30)
    assert ready, "the process says nothing"
    return process.stdout.readline().strip()


HOLD = """
    import sys
    from pathlib import Path
    from stageline.storage.wal import WalHead, create_wal
    head = WalHead(store="s", run_id="r", writer="w", pid=1, host="h")
    log = create_wal(Path(sys.argv[1]), head)
    log.append(b"acknowledged")
    print("open", flush=True)
    sys.stdin.read()
"""


def test_killed_process_leaves_its_records_and_its_lock_is_free(path: Path) -> None:
    with python(HOLD, str(path)) as holder:
        assert line(holder) == b"open"
        assert is_written(path)
        assert adopt_wal(path) is None
        holder.kill()
    assert holder.returncode == -signal.SIGKILL
    assert not is_written(path)
    adopted = adopt_wal(path)
    assert adopted is not None
    adopted.append(b"by another")
    adopted.close()
    assert records(path) == [b"acknowledged", b"by another"]


def test_child_of_a_fork_does_not_keep_the_log_of_its_dead_parent(path: Path) -> None:
    script = HOLD.replace(
        "sys.stdin.read()",
        """
    import os
    if os.fork() == 0:
        log.close()
        log.on_detached = lambda: log.restart(Path(sys.argv[1] + ".child"), head)
        log.append(b"by the child")
        os.write(1, b"child\\n")
        sys.stdin.read()
    else:
        log.append(b"by the parent")
        os.write(1, b"parent\\n")
        sys.stdin.read()
    """,
    )
    with python(script, str(path)) as parent:
        assert {line(parent) for _ in range(3)} == {b"open", b"child", b"parent"}
        child = Path(f"{path}.child")
        parent.kill()
        parent.wait()
        assert not is_written(path)
        assert is_written(child)
    assert records(path) == [b"acknowledged", b"by the parent"]
    assert records(child) == [b"by the child"]


def test_one_of_many_processes_adopts_a_log(log: WriteAheadLog, path: Path) -> None:
    log.close()
    adopt = """
        import sys
        from pathlib import Path
        from stageline.storage.wal import adopt_wal
        sys.stdin.readline()
        log = adopt_wal(Path(sys.argv[1]))
        print("won" if log else "lost", flush=True)
        sys.stdin.read()
    """
    racers = [python(adopt, str(path)) for _ in range(4)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write(b"go\n")
        racer.stdin.flush()
    assert sorted(line(racer) for racer in racers) == [b"lost", b"lost", b"lost", b"won"]
    for racer in racers:
        racer.communicate()


def test_records_that_are_appended_together_lie_side_by_side_in_one_write(tmp_path, monkeypatch):
    writes = []
    really = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: writes.append(bytes(data)) or really(fd, data)
    )
    log = create_wal(tmp_path / "w.wal", HEAD, b"first")
    log.append(b"one", b"two", b"three")
    log.close()
    assert len(writes) == 2
    frames = scan_frames(read_tail(tmp_path / "w.wal", 0))
    assert frames.payloads[1:] == [b"first", b"one", b"two", b"three"]
    assert log.begun_with == len(writes[0])


def test_no_record_among_several_is_longer_than_readers_take_for_sound(tmp_path):
    log = create_wal(tmp_path / "w.wal", HEAD)
    with pytest.raises(InvalidInput, match="smaller parts"):
        log.append(b"fine", bytes(MAX_RECORD + 1))
    log.close()
    assert len(scan_frames(read_tail(tmp_path / "w.wal", 0)).payloads) == 1
