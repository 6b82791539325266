"""What is kept of a command's output."""

from __future__ import annotations

from pathlib import Path

from stageline.projects.output import Output


def test_a_line_that_is_written_in_parts_stays_one_line_of_the_file(tmp_path: Path) -> None:
    output = Output(lambda stream, text: None, tmp_path / "output.txt", shows=False)
    out, err = output.taker("stdout"), output.taker("stderr")
    out(b"trained in")
    err(b"a warning\n")
    out(b" 3 s\nand no end")
    output.close()
    assert output.file.read_text() == "a warning\ntrained in 3 s\nand no end"


def test_a_line_without_end_is_not_held_for_ever(tmp_path: Path) -> None:
    output = Output(lambda stream, text: None, tmp_path / "output.txt", shows=False)
    output.taker("stdout")(b"x" * 100_000)
    assert output.file.stat().st_size == 100_000
    output.close()
