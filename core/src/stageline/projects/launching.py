"""The seam to whatever runs a project: a launcher gets a job ready, and what it answers with is run and can be stopped.

Launchers are found by entry point (group `stageline.launchers`), so that another package can add its own.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.projects.environments.spec import EnvironmentSpec
    from stageline.projects.sources.fetched import Fetched

GROUP = "stageline.launchers"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of an entry point, ready to be launched."""

    run_id: str
    project_name: str | None
    entry_point: str
    command: str
    """A line for `bash -c`, to be run in the project's folder; it may hold secrets."""
    shown_command: str
    """The same without them: what may be shown and recorded."""
    source: Fetched
    """The project's code."""
    variables: Mapping[str, str] = field(repr=False)
    """What the command must find in its environment, so that its own `start_run()` joins the run; may be secret."""
    environment: EnvironmentSpec
    env_manager: str | None
    """How the environment is to be made; None for what suits it."""
    cache: Path
    """A folder for environments and the like."""
    run_folder: Path
    """A private folder of the run on this machine, removed after it unless its user named a place for it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The launcher's own: `backend_config`."""
    docker_args: Mapping[str, Any] = field(default_factory=dict)
    build_image: bool = False
    say: Callable[[str], None]
    """Tells the user, in a line, what takes a while."""
    set_tags: Callable[[Mapping[str, str]], None] = lambda tags: None
    """Records something about the run."""
    write: Callable[[str, str], object] = lambda stream, text: None
    """Keeps whole lines that the command printed, by `stdout` or `stderr`."""
    shows_output: bool = True
    """Whether what the command prints is also shown here."""
    keep_file: Callable[[Path, str], None] = lambda file, folder: None
    """Stores a local file among the run's artifacts, by its own name in a folder."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """What goes on with a job that another process launched; each as in `Job`."""

    run_id: str
    run_folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], None]
    write: Callable[[str, str], object] = lambda stream, text: None
    shows_output: bool = True
    keep_file: Callable[[Path, str], None] = lambda file, folder: None


@dataclass(frozen=True)
class Exit:
    """How a command ended."""

    code: int | None
    """Its exit code; None if a signal ended it, or nobody knows."""
    signal: str | None = None
    """Such as SIGKILL."""
    detail: str | None = None
    """What it said last, if that may explain a failure."""


class Launched(Protocol):
    """A command that is ready to run somewhere."""

    def run(self) -> Exit:
        """Run it to its end, and until its output is kept. Called once, in a thread that no signal interrupts."""
        ...

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, gently first, as by this signal, and wait for that. Called from another thread, also before `run`."""
        ...


@runtime_checkable
class Remote(Launched, Protocol):
    """A command that runs elsewhere, and does not need the process that launched it."""

    @property
    def reference(self) -> dict[str, Any]:
        """What finds it again, from any process that may reach where it runs: plain JSON, small, no secrets."""
        ...

    def submit(self) -> None:
        """Begin it there, and return once that is accepted. `run` watches it after that. Called at most once."""
        ...

    def look(self) -> Exit | None:
        """How it ended; None while it has not. Raises `StorageFailed` if nobody answers there just now."""
        ...


@runtime_checkable
class Launcher(Protocol):
    """Gets jobs ready to run. A module is one, by its functions `launch` and `describe`."""

    def launch(self, job: Job) -> Launched:
        """Prepare all that the job needs, but do not begin it. What this raises ends the run as FAILED."""
        ...

    def describe(self, job: Job) -> str:
        """What `launch` would do, for people, without doing anything."""
        ...


@runtime_checkable
class RemoteLauncher(Launcher, Protocol):
    """A launcher whose jobs outlive whoever launched them: a module that has `attach` too, and launches `Remote`s."""

    def attach(
        self, reference: Mapping[str, Any], attachment: Attachment, *, seen: Exit | None = None
    ) -> Remote:
        """A job that was submitted before; its `run` goes on with watching it, its output included.

        `seen` is how somebody saw it end: it counts if the job is gone by now. Raises `InvalidInput` for what is no
        reference.
        """
        ...


def known_launchers() -> dict[str, EntryPoint]:
    """All that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def get_launcher(name: str) -> Launcher:
    """The launcher of that name. Raises `InvalidInput` if there is none, or it is none."""
    known = known_launchers()
    if name not in known:
        raise InvalidInput(
            f"no backend {name!r}; there are {', '.join(sorted(known))}. Another package may add it as an entry point "
            f"of the group {GROUP}"
        )
    try:
        loaded = known[name].load()
    except ImportError as error:
        raise InvalidInput(
            f"the backend {name!r} needs {error.name or 'a package'}, which is not installed"
        ) from error
    if not isinstance(loaded, Launcher):
        raise InvalidInput(
            f"{known[name].value} is no launcher: expected functions launch and describe"
        )
    return loaded


def get_remote_launcher(name: str) -> RemoteLauncher:
    """The launcher of that name. Raises `InvalidInput` if there is none, or its jobs end with this process."""
    launcher = get_launcher(name)
    if not isinstance(launcher, RemoteLauncher):
        raise InvalidInput(
            f"what the backend {name!r} runs ends with the process that launched it, so it can not be left and "
            "attached to: name a backend that runs elsewhere, such as kubernetes, or wait for the run"
        )
    return launcher
