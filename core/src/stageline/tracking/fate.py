"""What becomes of a run: from the exception that left it, or its process's signal, to a status and a reason."""

from __future__ import annotations

from stageline.domain.run import RunStatus

Ending = tuple[RunStatus, "str | None"]

_signal: list[str] = []


def note_signal(name: str) -> None:
    """From now on, whatever ends the runs of this process, it was this signal."""
    _signal.append(name)


def ending_of(error: BaseException | None) -> Ending:
    """How a run ends that `error` left; None is a normal end."""
    if error is None or isinstance(error, GeneratorExit):
        return RunStatus.FINISHED, None
    if _signal:
        return RunStatus.KILLED, _signal[0]
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.KILLED, "KeyboardInterrupt"
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return RunStatus.FINISHED, None
        return RunStatus.FAILED, f"SystemExit: {error.code}"
    return RunStatus.FAILED, f"{type(error).__name__}: {error}"[:2000]


def ending_at_exit(uncaught: BaseException | None) -> Ending:
    """How the runs end that are open when the process does; `uncaught` is what its main thread died of."""
    if _signal:
        return RunStatus.KILLED, _signal[0]
    return ending_of(uncaught)
