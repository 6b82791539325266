"""What may be said of a run of a project besides what is run: the keyword arguments of `run`, with MLflow's names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from stageline.projects.submitted import SubmittedRun

Say = Callable[[str], None]


class RunOptions(TypedDict, total=False):
    """Each may be left out."""

    version: str | None
    """A branch, a tag or a commit of a git repository; default: its default branch."""
    experiment_name: str | None
    """Where the run belongs; made if need be."""
    experiment_id: str | None
    """The same by id."""
    env_manager: str | None
    """`uv`, `virtualenv`, `conda`, `docker` or `local`; default: what suits the project."""
    backend: str
    """Name of a launcher; default: `local`."""
    backend_config: Mapping[str, Any] | None
    """What that launcher asks for."""
    run_id: str | None
    """A run in the store to go on with, instead of a new one. One that this process has open is not ended."""
    run_name: str | None
    """Name of the run; default: an invented one."""
    parent_run_id: str | None
    """The run that this one is a child of."""
    synchronous: bool
    """Whether to wait, which is the default. If not, this process does not exit before the run has ended."""
    storage_dir: str | Path | None
    """Where files from URLs go, and stay; default: a private folder that is removed after the run."""
    docker_args: Mapping[str, Any] | None
    """Options of `docker run`, by name."""
    build_image: bool
    """Whether to build an image with the project's code in it."""
    max_parallel: int | None
    """Of a project with steps: how many of them run side by side at most; default: as many as there are processors."""
    use_cache: bool
    """Whether a step is skipped that was run before with all the same, which is the default."""
    refresh: Sequence[str]
    """Steps that are run again in any case."""
    say: Say
    """Told, in a line each, what takes a while; default: the log."""
    output: Callable[[str, str], object]
    """Told what commands print, by `stdout` or `stderr`, in whole lines and without secrets, instead of showing it."""
    begun: Callable[[SubmittedRun], object]
    """Told each run whose command is about to begin, so that another thread can cancel it."""


def check_options(options: Mapping[str, object]) -> None:
    """Refuse what is no option, as Python does for an argument. Raises `TypeError`."""
    for name in options:
        if name not in RunOptions.__annotations__:
            near = difflib.get_close_matches(name, RunOptions.__annotations__, n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"run() got an unexpected keyword argument {name!r}{hint}")
