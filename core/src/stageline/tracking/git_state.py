"""The state of a git working tree, asked of the git command or read by dulwich; loaded only where there is one."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.repo import Repo

GitState = tuple["str | None", "str | None", "bool | None", "str | None"]
"""Commit, branch, whether tracked files differ, URL of the remote as it is configured."""

# dulwich compares contents, not only times: beyond this it would hold up the run.
_COMPARED_FILES = 10_000
_COMPARED_BYTES = 100 << 20


def by_command(root: str, timeout_s: float) -> GitState:
    """Ask git. Raises `OSError` or `subprocess.SubprocessError` if it is not there, refuses or takes too long."""
    status = _git(
        root,
        timeout_s,
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=no",
        "--ignore-submodules=untracked",
    )
    about = dict(
        line[len("# branch.") :].split(" ", 1)
        for line in status.splitlines()
        if line.startswith("# branch.")
    )
    commit, branch = about.get("oid"), about.get("head")
    is_dirty = any(not line.startswith("#") for line in status.splitlines())
    return (
        None if commit == "(initial)" else commit,
        None if branch == "(detached)" else branch,
        is_dirty,
        _remote_url(root, timeout_s, about.get("upstream", "")),
    )


def by_dulwich(root: str, timeout_s: float) -> GitState:
    """Read the repository without git. Whether files differ is left open in a large one."""
    del timeout_s
    from dulwich.repo import Repo

    with Repo(root) as repo:
        chain, commit = repo.refs.follow(b"HEAD")  # type: ignore[arg-type]  # dulwich's own name for bytes
        branch = chain[-1].decode(errors="replace")
        head = "refs/heads/"
        return (
            commit.decode() if commit else None,
            branch[len(head) :] if branch.startswith(head) else None,
            _differs(repo) if commit else None,
            _configured_url(repo),
        )


def _git(root: str, timeout_s: float, *arguments: str) -> str:
    # A repository's own settings could name a program to run for `fsmonitor`.
    command = ["git", "-C", root, "-c", "core.fsmonitor=false", *arguments]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for inherited in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set inside of git's hooks
        quiet.pop(inherited, None)
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        env=quiet,
    ).stdout


def _remote_url(root: str, timeout_s: float, upstream: str) -> str | None:
    try:
        lines = _git(root, timeout_s, "config", "--get-regexp", r"^remote\..*\.url$").splitlines()
    except subprocess.CalledProcessError:  # there is none
        return None
    urls = {
        name[len("remote.") : -len(".url")]: url
        for name, _, url in (ln.partition(" ") for ln in lines)
    }
    return (
        urls.get(upstream.partition("/")[0])
        or urls.get("origin")
        or next(iter(urls.values()), None)
    )


def _configured_url(repo: Repo) -> str | None:
    config = repo.get_config_stack()
    names = [
        section[1]
        for section in config.sections()
        if section[:1] == (b"remote",) and len(section) > 1
    ]
    for name in sorted(names, key=lambda one: one != b"origin"):
        try:
            return config.get((b"remote", name), b"url").decode(errors="replace")
        except KeyError:
            continue
    return None


def _differs(repo: Repo) -> bool | None:
    from dulwich import porcelain

    index = repo.open_index()
    size = sum(getattr(entry, "size", 0) for _, entry in index.items())
    if len(index) > _COMPARED_FILES or size > _COMPARED_BYTES:
        return None
    status = porcelain.status(repo, untracked_files="no")
    return bool(status.unstaged or any(status.staged.values()))
