"""Where a run's code comes from: what was started, and which commit it is. Never a reason for a run to fail."""

from __future__ import annotations

import logging
import os
import re
import sys
from functools import lru_cache
from typing import NamedTuple

from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    TAG_SOURCE_TYPE,
)
from stageline.storage.redaction import public_url

TIMEOUT_S = 5.0
"""How long a run may wait for git; a huge working tree on a slow disk can take longer."""

_log = logging.getLogger("stageline")


class CodeVersion(NamedTuple):
    """The state of a git working tree; None where it is not known."""

    commit: str | None = None
    branch: str | None = None
    """None while no branch is checked out, as in most CI jobs."""
    is_dirty: bool | None = None
    """Whether a tracked file differs from the commit. Untracked files do not count: a run's own output is one."""
    repo_url: str | None = None
    """Without user, password and query."""


def source_tags(folder: str | None = None) -> dict[str, str]:
    """Tags that name the source of a run: what was started, and the code version of `folder`.

    `folder` is by default that of the started script, or the current one where there is no script. The version is
    found once for each folder in a process, because that is the code that the process has loaded.
    """
    try:
        name, kind, place = _entry()
        root = _repository(folder or place)
        version = code_version(root) if root else CodeVersion()
        if root and os.path.isfile(name) and os.path.realpath(name).startswith(root + os.sep):
            name = os.path.relpath(os.path.realpath(name), root).replace(os.sep, "/")
    except (
        Exception
    ):  # whatever is odd about this machine, the training is worth more than this tag
        _log.debug("can not tell where the code of this run comes from", exc_info=True)
        return {}
    tags = {
        TAG_SOURCE_NAME: name,
        TAG_SOURCE_TYPE: kind,
        TAG_GIT_COMMIT: version.commit,
        TAG_GIT_BRANCH: version.branch,
        TAG_GIT_REPO_URL: version.repo_url,
        TAG_GIT_DIRTY: None if version.is_dirty is None else str(version.is_dirty).lower(),
    }
    return {key: value for key, value in tags.items() if value}


@lru_cache(maxsize=64)
def code_version(root: str) -> CodeVersion:
    """The state of the working tree at `root`: by the git command, or by dulwich where there is none."""
    # Late, here and below: a folder that is no repository costs nothing.
    from stageline.tracking import git_state

    for ask in (git_state.by_command, git_state.by_dulwich):
        try:
            commit, branch, is_dirty, url = ask(root, TIMEOUT_S)
        except (
            Exception
        ):  # git refuses, hangs or is not there; dulwich does not know all that git does
            _log.debug("%s can not read the repository %s", ask.__name__, root, exc_info=True)
        else:
            return CodeVersion(commit, branch, is_dirty, url and without_secrets(url))
    return CodeVersion()


def without_secrets(url: str) -> str:
    """A remote's URL as it may be shown.

    >>> without_secrets("https://ann:ghp_secret@example.com/team/repo.git")
    'https://example.com/team/repo.git'
    >>> without_secrets("git@example.com:team/repo.git")
    'git@example.com:team/repo.git'
    >>> without_secrets("secret@example.com:team/repo.git")
    'example.com:team/repo.git'
    """
    if "://" in url:
        return public_url(url)
    return re.sub(r"^(?!git@)[^/@]*@", "", url)


def _repository(folder: str) -> str | None:
    """The nearest folder upward that has a `.git`, which is a file in a worktree or a submodule."""
    folder = os.path.realpath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, last = os.path.dirname(folder), folder
        if folder == last:
            return None
    return folder


def _entry() -> tuple[str, str, str]:
    """What was started, its kind in the field's words, and the folder where its code lies."""
    here = os.getcwd()
    notebook = _notebook()
    if notebook is not None:
        return notebook, "NOTEBOOK", os.path.dirname(notebook) or here
    test, _, _ = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")
    if test:
        return test, "LOCAL", here
    main = sys.modules.get("__main__")
    module = getattr(getattr(main, "__spec__", None), "name", None)
    if module:
        return f"python -m {module.removesuffix('.__main__')}", "LOCAL", here
    script = sys.argv[0] if sys.argv else ""
    if script in ("", "-c", "-"):
        return f"python {script}".strip(), "LOCAL", here
    # A console script such as `prefect` says nothing of whose code it runs.
    is_users = script.endswith(".py") and os.path.isfile(script)
    return script, "LOCAL", os.path.dirname(os.path.abspath(script)) if is_users else here


def _notebook() -> str | None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    told = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(told or "notebook")
