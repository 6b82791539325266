"""The page of the errors: classes, codes, exit codes and HTTP statuses, from the tables that derive them."""

from __future__ import annotations

from collections.abc import Iterator

from pagetext import cell, table

from stageline.domain.gate import GateRefused
from stageline.errors import REACTIONS, StagelineError

HEAD = """# Errors

Every error is a `StagelineError` and the built-in that it resembles. Its `code` never changes; `--json` shows it as
`{"error": {"code": ..., "message": ...}}`. The message names what was expected, what was found, and the next step.

"""


def errors() -> Iterator[type[StagelineError]]:
    """Every class of errors that users are to catch, the general ones first: not those of one page, or of one log."""
    waiting = [StagelineError]
    while waiting:
        one = waiting.pop(0)
        if one.__module__ == StagelineError.__module__ or one is GateRefused:
            yield one
        waiting += sorted(one.__subclasses__(), key=lambda each: each.__name__)


def errors_page() -> str:
    """All errors as Markdown."""
    return (
        HEAD
        + table(("class", "is also", "code", "exit code", "HTTP", ""), map(_row, errors()))
        + _of_servers()
    )


def _row(kind: type[StagelineError]) -> tuple[str, ...]:
    nearest = next(one for one in kind.__mro__ if one in REACTIONS)
    told = REACTIONS[nearest]
    parents = ", ".join(f"`{one.__name__}`" for one in kind.__bases__)
    text = cell((kind.__doc__ or "").strip().split("\n\n")[0])
    return (
        f"`{kind.__name__}`",
        parents,
        f"`{kind.code}`",
        str(told.exit_code),
        str(told.http_status),
        text,
    )


def _of_servers() -> str:
    from stageline.server.failures import TABLE

    rows = [
        (f"`{kind.__name__}`", str(told.status), f"`{told.code}`") for kind, told in TABLE.items()
    ]
    return (
        "\n## In MLflow's words\n\nThe `error_code` of [the server](../server.md), by the nearest class.\n\n"
        + table(("class", "status", "error_code"), rows)
    )
