"""The code version of a run, by git or without it, and never a secret or an exception."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import processes
import pytest

from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
)
from stageline.tracking import git_state
from stageline.tracking.source import code_version, source_tags, without_secrets

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories")
SHOW = "from stageline.tracking.source import source_tags; import json; print(json.dumps(source_tags()))"


@pytest.fixture(autouse=True)
def _no_cache() -> None:
    code_version.cache_clear()


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "a@b.c"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(folder), *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **identity}
    )
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "--quiet")
    (folder / "src" / "train.py").write_text(SHOW)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "remote", "add", "other", "https://example.com/other.git")
    git(
        folder,
        "remote",
        "add",
        "origin",
        "https://ann:ghp_secret@example.com/team/repo.git?token=x",
    )
    return folder


@pytest.fixture(params=["git", "dulwich"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "dulwich":
        request.getfixturevalue("repo")
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    return str(request.param)


@needs_git
class TestRepository:
    def test_commit_branch_and_url_are_told(self, repo: Path, way: str) -> None:
        tags = source_tags(str(repo / "src"))
        head = (repo / ".git" / "refs" / "heads" / "main").read_text().strip()
        assert tags[TAG_GIT_COMMIT] == head
        assert tags[TAG_GIT_BRANCH] == "main"
        assert tags[TAG_GIT_DIRTY] == "false"
        assert tags[TAG_GIT_REPO_URL] == "https://example.com/team/repo.git"
        assert "secret" not in str(tags)

    def test_untracked_file_does_not_make_it_dirty(self, repo: Path, way: str) -> None:
        (repo / "output.csv").write_text("x")
        assert source_tags(str(repo))[TAG_GIT_DIRTY] == "false"

    def test_changed_file_makes_it_dirty(self, repo: Path, way: str) -> None:
        (repo / "src" / "train.py").write_text("print('changed')")
        assert source_tags(str(repo))[TAG_GIT_DIRTY] == "true"

    def test_deleted_file_makes_it_dirty(self, repo: Path, way: str) -> None:
        (repo / "src" / "train.py").unlink()
        assert source_tags(str(repo))[TAG_GIT_DIRTY] == "true"

    def test_version_is_found_once_for_a_process(self, repo: Path, way: str) -> None:
        first = source_tags(str(repo))
        (repo / "src" / "train.py").write_text("print('changed')")
        assert source_tags(str(repo)) == first

    def test_repository_without_git_s_data_is_no_reason_to_fail(
        self, tmp_path: Path, way: str
    ) -> None:
        (tmp_path / "odd").mkdir()
        (tmp_path / "odd" / ".git").write_text("gitdir: /nowhere")
        assert TAG_GIT_COMMIT not in source_tags(str(tmp_path / "odd"))


@needs_git
@pytest.mark.parametrize("command", ["git", "dulwich"])
class TestShapes:
    def state(self, folder: Path, command: str) -> git_state.GitState:
        ask = git_state.by_command if command == "git" else git_state.by_dulwich
        return ask(str(folder), 30.0)

    def test_staged_change_is_dirty(self, repo: Path, command: str) -> None:
        (repo / "new.py").write_text("x")
        git(repo, "add", "new.py")
        assert self.state(repo, command)[2] is True

    def test_detached_head_has_no_branch(self, repo: Path, command: str) -> None:
        git(repo, "checkout", "--quiet", "--detach")
        commit, branch, is_dirty, _ = self.state(repo, command)
        assert (commit, branch, is_dirty) == (git(repo, "rev-parse", "HEAD"), None, False)

    def test_worktree_is_a_repository(self, repo: Path, tmp_path: Path, command: str) -> None:
        git(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "tree"))
        commit, branch, _, url = self.state(tmp_path / "tree", command)
        assert (commit, branch) == (git(repo, "rev-parse", "HEAD"), "side")
        assert url is not None
        assert "team/repo.git" in url

    def test_repository_without_a_commit_has_a_branch(self, tmp_path: Path, command: str) -> None:
        git(tmp_path, "init", "--quiet")
        commit, branch, _, url = self.state(tmp_path, command)
        assert (commit, branch, url) == (None, "main", None)

    def test_only_remote_counts_whatever_its_name(self, repo: Path, command: str) -> None:
        git(repo, "remote", "remove", "origin")
        assert self.state(repo, command)[3] == "https://example.com/other.git"


@needs_git
def test_repository_s_own_settings_start_no_program(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "evil").chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(tmp_path / "evil"))
    assert source_tags(str(repo))[TAG_GIT_COMMIT]
    assert not (tmp_path / "ran").exists()


@needs_git
def test_git_that_hangs_is_left_for_dulwich(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    head = git(repo, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("stageline.tracking.source.TIMEOUT_S", 0.05)
    assert source_tags(str(repo))[TAG_GIT_COMMIT] == head


def test_folder_that_is_no_repository_costs_no_import(tmp_path: Path) -> None:
    script = """
        import os, sys
        from stageline.tracking.source import source_tags
        tags = source_tags(sys.argv[1])
        loaded = {"subprocess", "dulwich", "stageline.tracking.git_state"} & set(sys.modules)
        print(sorted(tags), sorted(loaded))
    """
    done = processes.run(script, str(tmp_path))
    assert done.stdout == "['mlflow.source.name', 'mlflow.source.type'] []\n", done.stderr


def test_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)  # the folder was deleted under us
    assert source_tags() == {}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://token@example.com/r.git", "https://example.com/r.git"),
        ("https://x:y%40z@example.com/r.git#f", "https://example.com/r.git"),
        ("ssh://git@example.com:22/r.git", "ssh://example.com:22/r.git"),
        ("git@example.com:team/r.git", "git@example.com:team/r.git"),
        ("s3cret@example.com:team/r.git", "example.com:team/r.git"),
        ("/srv/git/r.git", "/srv/git/r.git"),
        ("../r@home.git", "../r@home.git"),
    ],
)
def test_url_is_shown_without_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


# -- what was started ---------------------------------------------------------------------------------


def name_of(*command: str, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        check=True,
    )
    return str(json.loads(done.stdout)[TAG_SOURCE_NAME])


@needs_git
def test_script_in_a_repository_is_named_from_its_root(repo: Path, tmp_path: Path) -> None:
    assert name_of(str(repo / "src" / "train.py"), cwd=tmp_path) == "src/train.py"
    assert name_of("train.py", cwd=repo / "src") == "src/train.py"


def test_modules_and_commands_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SHOW)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__main__.py").write_text(SHOW)
    assert name_of("train.py", cwd=tmp_path) == "train.py"
    assert name_of("-m", "train", cwd=tmp_path) == "python -m train"
    assert name_of("-m", "pack", cwd=tmp_path) == "python -m pack"
    assert name_of("-c", SHOW, cwd=tmp_path) == "python -c"


def test_test_is_named_by_its_node() -> None:
    assert source_tags()[TAG_SOURCE_NAME].endswith("test_source.py::test_test_is_named_by_its_node")


def test_notebook_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        kernel = object()
        user_ns: dict[str, str] = {}  # noqa: RUF012 - IPython's own shape

    class IPython:
        @staticmethod
        def get_ipython():
            return Shell()

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert source_tags()[TAG_SOURCE_TYPE] == "NOTEBOOK"
    monkeypatch.setenv("JPY_SESSION_NAME", "/tmp/wine.ipynb")
    assert source_tags("/")[TAG_SOURCE_NAME] == "/tmp/wine.ipynb"
