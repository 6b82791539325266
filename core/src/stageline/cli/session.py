"""What all commands of one line share: the store, and whether people or programs read the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import typer

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.workspace import Workspace


class Session:
    """One line of the shell."""

    def __init__(self, store: str | None = None, as_json: bool = False) -> None:
        self.store = store
        self.as_json = as_json

    @cached_property
    def workspace(self) -> Workspace:
        """The store that was named, opened."""
        from stageline.workspace import Workspace  # late: `--help` opens nothing

        return Workspace.open(self.store)

    def answer(self, document: Any, show: Callable[[], None]) -> None:
        """Print `document` for a program, or call `show` for people."""
        if self.as_json:
            self.line(document)
        else:
            show()

    def line(self, document: Any) -> None:
        """Print `document` as one line of JSON."""
        import msgspec

        from stageline.cli.documents import plain

        print(msgspec.json.encode(plain(document)).decode(), flush=True)

    def say(self, document: Any, text: str) -> None:
        """Print `document` for a program, or `text` for people."""
        self.answer(document, lambda: print(text))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only if `yes`, or if somebody answers so. Raises `InvalidInput` where nobody can."""
        if yes:
            return
        if self.as_json:
            raise InvalidInput(f"{question} Add --yes: with --json nobody is asked")
        sys.stdout.flush()
        typer.confirm(question, abort=True, err=True)


def session(ctx: typer.Context) -> Session:
    """The session of a command's context."""
    return ctx.ensure_object(Session)
