"""The command line, tried in this process on one store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from stageline.cli.main import app


@dataclass(frozen=True)
class Answer:
    """What a line of the shell came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """`stageline` on the store at `url`."""

    url: str

    def __call__(self, *args: str, stdin: str | None = None) -> Answer:
        result = CliRunner().invoke(app, ["--store", self.url, *args], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def ok(self, *args: str) -> str:
        """What a line that should succeed prints."""
        answer = self(*args)
        assert answer.code == 0, answer
        return answer.out

    def json(self, *args: str) -> Any:
        """What it answers to a program."""
        return json.loads(self.ok(*args, "--json"))
