"""What is printed appears where it always did, and is kept; print() never fails by it."""

from __future__ import annotations

import functools
import io
import logging
import os
import sys
import threading

import processes
import pytest

from stageline.tracking.terminal import Capture


class Screen(io.StringIO):
    encoding = "latin-1"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 42


class Kept:
    def __init__(self) -> None:
        self.parts: list[tuple[str, str]] = []

    def write(self, stream: str, text: str) -> None:
        self.parts.append((stream, text))

    def text(self, stream: str = "stdout") -> str:
        return "".join(text for name, text in self.parts if name == stream)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def on_screen(test):
    """Run the test with its screen as the terminal; a fixture's would be replaced by pytest's before the test."""

    @functools.wraps(test)
    def tested(screen: Screen, **fixtures: object) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", Screen())
            test(screen=screen, **fixtures)

    return tested


@pytest.fixture
def kept() -> Kept:
    return Kept()


@on_screen
def test_output_appears_and_is_kept(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        print("hello", "world")
        print("oh", file=sys.stderr)
    print("after")
    assert screen.getvalue() == "hello world\nafter\n"
    assert kept.parts == [("stdout", "hello world\n"), ("stderr", "oh\n")]


@on_screen
def test_lines_are_kept_whole_and_the_last_one_at_the_end(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        print("a", end="")
        print("b\nc", end="")
        assert kept.parts == [("stdout", "ab\n")]
        assert screen.getvalue() == "ab\nc", "the screen does not wait"
        sys.stdout.writelines(["d", "\n", "e"])
    assert kept.parts == [("stdout", "ab\n"), ("stdout", "cd\n"), ("stdout", "e")]


@on_screen
def test_stand_in_has_all_that_the_stream_has(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        assert sys.stdout.isatty()
        assert sys.stdout.fileno() == 42
        assert sys.stdout.encoding == "latin-1"
        assert sys.stdout.write("abc") == 3
        with pytest.raises(AttributeError):
            sys.stdout.no_such_thing  # noqa: B018
    assert sys.stdout is screen


@on_screen
def test_progress_bar_is_kept_as_it_looks_in_the_end(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        for percent in range(101):
            sys.stdout.write(f"\r{percent} %")
        sys.stdout.write("\ndone\r\n")
        sys.stdout.write("0 %\r50 %\r")
    assert kept.text() == "100 %\ndone\n50 %"


@on_screen
def test_line_without_an_end_is_kept_in_pieces(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        for _ in range(100):
            sys.stdout.write("x" * 10_000)
        assert len(kept.text()) > 900_000
    assert kept.text() == "x" * 1_000_000


@on_screen
def test_threads_do_not_mix_their_lines(screen: Screen, kept: Kept) -> None:
    def work(name: str) -> None:
        for _ in range(200):
            print(name, name)

    with Capture(kept.write):
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = kept.text().splitlines()
    assert sorted(lines) == sorted(f"{name} {name}" for name in "abcd" for _ in range(200))


@on_screen
def test_nested_captures_both_keep(screen: Screen) -> None:
    outer, inner = Kept(), Kept()
    with Capture(outer.write):
        print("1")
        with Capture(inner.write):
            print("2")
        print("3")
    assert outer.text() == "1\n2\n3\n"
    assert inner.text() == "2\n"
    assert sys.stdout is screen


@on_screen
def test_captures_may_end_in_any_order(screen: Screen) -> None:
    first, second = Kept(), Kept()
    one, two = Capture(first.write), Capture(second.write)
    one.start()
    two.start()
    one.stop()
    print("x")
    two.stop()
    assert (first.text(), second.text()) == ("", "x\n")
    assert sys.stdout is screen
    assert screen.getvalue() == "x\n"


@on_screen
def test_one_capture_may_be_used_again(screen: Screen, kept: Kept) -> None:
    capture = Capture(kept.write)
    for text in ("a", "b"):
        with capture:
            capture.start()
            print(text)
        capture.stop()
        print("between")
    assert kept.text() == "a\nb\n"
    assert sys.stdout is screen


@on_screen
def test_stream_that_somebody_else_put_there_stays(screen: Screen, kept: Kept) -> None:
    capture = Capture(kept.write)
    capture.start()

    class Wrapper(io.StringIO):
        def __init__(self, inner) -> None:
            super().__init__()
            self.inner = inner

        def write(self, text: str) -> int:
            return self.inner.write(text.upper())

    wrapper = sys.stdout = Wrapper(sys.stdout)
    print("a")
    capture.stop()
    print("b")
    assert sys.stdout is wrapper
    assert kept.text() == "A\n"
    assert screen.getvalue() == "A\nB\n"


@on_screen
def test_write_that_fails_does_not_reach_print(
    screen: Screen, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str, __: str) -> None:
        raise OSError("the disk is full")

    with caplog.at_level(logging.WARNING), Capture(fail):
        print("a")
        print("b", end="")
    assert screen.getvalue() == "a\nb"
    assert len(caplog.records) == 1


@on_screen
def test_write_that_prints_does_not_keep_itself(screen: Screen) -> None:
    parts: list[str] = []

    def write(_: str, text: str) -> None:
        parts.append(text)
        print("writing")

    with Capture(write):
        sys.stdout.write("a\nb")
        sys.stdout.write("c\n")
    assert parts == ["a\n", "bc\n"]
    assert screen.getvalue() == "a\nbwriting\nc\nwriting\n"


@on_screen
def test_screen_that_fails_fails_as_without_us(
    screen: Screen, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(screen, "write", broken)
    with Capture(kept.write), pytest.raises(BrokenPipeError):
        print("a")


@on_screen
def test_output_is_cut_with_a_note(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write, limit=10):
        for _ in range(5):
            print("123456")
    assert kept.text() == "123456\n123\n[the output is cut here, after 10 characters]\n"
    assert screen.getvalue() == "123456\n" * 5


@on_screen
def test_output_of_just_the_limit_is_not_cut(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write, limit=7):
        print("123456")
    assert kept.text() == "123456\n"


@on_screen
def test_what_can_not_be_encoded_is_kept_as_an_escape(screen: Screen, kept: Kept) -> None:
    with Capture(kept.write):
        print("ä\udcff")
    assert kept.text() == "ä\\udcff\n"


@on_screen
def test_missing_stream_is_passed_by(
    screen: Screen, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Capture(kept.write):
        print("a")
        assert sys.stderr is None
    assert kept.text() == "a\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_prints_though_a_thread_held_the_lock() -> None:
    script = """
        import os, sys, threading
        from stageline.tracking.terminal import Capture
        kept = []
        with Capture(lambda stream, text: kept.append(text)):
            print("parent's unfinished", end="", flush=True)
            lock = sys.stdout._lock()
            lock.acquire()
            pid = os.fork()
            if pid == 0:
                print(" child", flush=True)
                os._exit(0 if kept == [" child\\n"] else 1)
            lock.release()
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    done = processes.run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "parent's unfinished child\n"
