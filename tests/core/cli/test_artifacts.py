"""A run's files from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import Cli

from stageline import Workspace
from stageline.storage import layout


@pytest.fixture
def run_id(workspace: Workspace) -> str:
    with workspace.runs.create(run_name="one") as run:
        files = workspace.artifacts(run.run_id)
        files.log_text("hello", "model/weights.txt")
        files.log_text("ciao", "model/deep/notes.txt")
        files.log_text("top", "top.txt")
    return run.run_id


def test_files_are_listed_by_folder_or_as_a_tree(cli: Cli, run_id: str) -> None:
    listed = cli.json("artifacts", "list", "one")["artifacts"]
    assert [(file["path"], file["is_dir"]) for file in listed] == [
        ("model", True),
        ("top.txt", False),
    ]
    assert "model/" in cli.ok("artifacts", "list", run_id)
    assert "model/weights.txt" in cli.ok("artifacts", "list", run_id, "model")
    tree = cli.ok("artifacts", "list", "one", "--tree").splitlines()
    assert tree == [
        "├── model/",
        "│   ├── deep/",
        "│   │   └── notes.txt  4 B",
        "│   └── weights.txt  5 B",
        "└── top.txt  3 B",
    ]
    assert "nothing under" in cli.ok("artifacts", "list", "one", "absent")


def test_files_are_downloaded(cli: Cli, run_id: str, tmp_path: Path) -> None:
    whole = cli.json("artifacts", "download", "one", "-o", str(tmp_path / "all"))
    assert Path(whole["path"], "model/deep/notes.txt").read_text() == "ciao"
    one = cli.ok("artifacts", "download", run_id, "model/weights.txt", "-o", str(tmp_path / "one"))
    assert Path(one.strip()).read_text() == "hello"


def test_all_files_go_to_a_folder_of_their_own_if_none_is_named(
    cli: Cli, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.ok("artifacts", "download", "one")
    assert (tmp_path / run_id / "top.txt").read_text() == "top"


def test_files_and_folders_are_uploaded(
    cli: Cli, run_id: str, tmp_path: Path, workspace: Workspace
) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "page.html").write_text("<p>")
    assert (
        cli.json("artifacts", "upload", "one", str(folder), "--to", "docs")["artifact_path"]
        == "docs/report"
    )
    cli.ok("artifacts", "upload", "one", str(folder / "page.html"))
    assert workspace.artifacts(run_id).read("docs/report/page.html") == b"<p>"
    assert workspace.artifacts(run_id).read("page.html") == b"<p>"


def test_a_damaged_file_is_not_delivered(
    cli: Cli, run_id: str, tmp_path: Path, workspace: Workspace
) -> None:
    workspace.store.replace(f"{layout.run_artifacts(run_id)}top.txt", b"tampered")
    answer = cli("artifacts", "download", "one", "-o", str(tmp_path / "out"))
    assert answer.code == 9
    assert "top.txt" in answer.err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["download", "one", "absent.txt"], 3),
        (["download", "one", "../escape"], 2),
        (["list", "one", "/absolute"], 2),
        (["upload", "one", "no-such-file"], 3),
        (["upload", "nobody", "no-such-file"], 3),
    ],
)
def test_bad_input_has_one_clear_line(cli: Cli, run_id: str, line: list[str], code: int) -> None:
    answer = cli("artifacts", *line)
    assert (answer.code, answer.err.count("\n")) == (code, 1), answer
