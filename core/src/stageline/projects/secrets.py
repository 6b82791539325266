"""The secrets among the parameters of a project: its command gets them, and nothing that is recorded or shown does."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from stageline.domain.redaction import MASK, Redactor
from stageline.storage.local_files import appearing

_SHORTEST = 4
"""Shorter ones would blank out half of every message."""


class Secrets:
    """What is secret among values by name, told by the names and by the looks, as with the arguments of tasks."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._redactor = Redactor()
        known = [text for name, text in values.items() if self._hides(name, text)]
        spelt = {form for text in known if len(text) >= _SHORTEST for form in _forms(text)}
        self._known = sorted(spelt, key=len, reverse=True)

    def shown(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values without secrets.

        >>> Secrets({}).shown({"db_password": "hunter2", "max_tokens": "512", "alpha": "0.5"})
        {'db_password': '***', 'max_tokens': '512', 'alpha': '0.5'}
        """
        return {
            name: MASK if self._hides(name, text) else self.text(text)
            for name, text in values.items()
        }

    def text(self, text: str) -> str:
        """A text without the secrets, and without what looks like one."""
        return self._redactor.text(self.output(text))

    def output(self, text: str) -> str:
        """What a command printed, without its secrets: bash repeats a line that it can not read."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return text

    def mask(self, file: Path) -> None:
        """The same for a file, line by line; it is as it was where there are no secrets."""
        if not self._known:
            return
        with file.open("rb") as source, appearing(file) as target:
            for line in source:
                target.write(os.fsencode(self.output(os.fsdecode(line))))

    def _hides(self, name: str, text: str) -> bool:
        return self._redactor.is_secret_name(name, _as_number(text))


def _forms(text: str) -> tuple[str, ...]:
    """How a value may be spelt in a line for bash."""
    return text, shlex.quote(text), shlex.quote(text)[1:-1] if shlex.quote(text) != text else text


def _as_number(text: str) -> object:
    """As a number where it is one: `max_tokens=512` is no secret."""
    try:
        return float(text)
    except ValueError:
        return text
