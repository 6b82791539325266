"""Reads a bash command from left to right, to tell how a value has to be quoted at the place that was reached.

It knows words, quotes, escapes, comments, `$name`, `${...}` and `$(...)`. Where the rest of the shell's grammar begins
(here-documents, backquotes, `$'...'`, `case` in `$(...)`) it gives up and says so: a wrong guess would let a value out.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_NESTED_PLAINLY = re.compile(r"\$\{[#!]?\w*(?:\[[@*\w]*\])?(?:[:=+?#%/^,.@~-][^{}'\"`\\$]*)?\}")


class Context(Enum):
    """What surrounds a place in a command."""

    PLAIN = auto()
    DOUBLE = auto()
    SINGLE = auto()
    COMMENT = auto()
    UNSURE = auto()


class ShellReader:
    """The state of a shell that has read so far."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        """What is open: `"`, `'`, `#`, `$(` or the like, and a `(` inside of one."""
        self._pending = ""
        """An escape or a dollar whose object is still to come."""
        self._at_word_start = True
        self.why = ""
        """Why nothing is sure any more, as part of a sentence."""

    def copy(self) -> ShellReader:
        """One that reads on by itself."""
        other = ShellReader()
        other._stack = [*self._stack]
        other._pending = self._pending
        other._at_word_start = self._at_word_start
        other.why = self.why
        return other

    def value_context(self) -> Context:
        """What surrounds the place that was reached. A value that is written there has then been read too."""
        if self._pending and not self.why and self._context() is not Context.COMMENT:
            self.why = f"after a `{self._pending}`"
        if self.why:
            return Context.UNSURE
        self._at_word_start = False
        return self._context()

    def _context(self) -> Context:
        if self.why:
            return Context.UNSURE
        match self._stack[-1:]:
            case ["'"]:
                return Context.SINGLE
            case ['"']:
                return Context.DOUBLE
            case ["#"]:
                return Context.COMMENT
            case _:
                return Context.PLAIN

    def read(self, text: str) -> None:
        """Go on with `text`."""
        text, self._pending = self._pending + text, ""
        at = 0
        while at < len(text) and not self.why:
            at = self._step(text, at)

    def _step(self, text: str, at: int) -> int:
        """Read one thing; where the next one begins."""
        match self._context():
            case Context.SINGLE:
                return self._to_the_end_of(text, at, "'")
            case Context.COMMENT:
                return self._to_the_end_of(text, at, "\n")
            case Context.DOUBLE:
                return self._in_double_quotes(text, at)
            case _:
                return self._in_plain(text, at)

    def _to_the_end_of(self, text: str, at: int, end: str) -> int:
        found = text.find(end, at)
        if found < 0:
            return len(text)
        self._stack.pop()
        self._at_word_start = end == "\n"
        return found + 1

    def _in_double_quotes(self, text: str, at: int) -> int:
        char = text[at]
        if char == '"':
            self._stack.pop()
            return at + 1
        if char in "\\$`":
            return self._special(text, at)
        return at + 1

    def _in_plain(self, text: str, at: int) -> int:
        char, was_start = text[at], self._at_word_start
        self._at_word_start = char in " \t\n;&|()<>"
        if char in "\"'":
            self._stack.append(char)
        elif char == "#" and was_start:
            self._stack.append("#")
        elif char in "\\$`":
            self._at_word_start = was_start and text.startswith("\\\n", at)
            return self._special(text, at)
        elif text.startswith("<<<", at):
            return at + 3
        elif text.startswith("<<", at):
            self.why = "after a here-document (`<<`)"
        elif text.startswith(("<(", ">("), at):
            self._stack.append("$(")
            return at + 2
        elif self._stack and char == "(":
            self._stack.append("(")
        elif self._stack and char == ")":
            self._at_word_start = self._stack.pop() == "("
        elif self._stack and was_start and re.match(r"case\b", text[at:]):
            self.why = "after a `case` inside of `$(...)`"
        return at + 1

    def _special(self, text: str, at: int) -> int:
        """A backslash, a dollar or a backquote, outside of single quotes."""
        char, following = text[at], text[at + 1 : at + 2]
        if char == "`":
            self.why = "after a backquote"
        elif not following:
            self._pending = char
        elif char == "\\":
            return at + 2
        elif following == "{":
            return self._expansion(text, at)
        elif following == "(":
            self._stack.append("$(")
            self._at_word_start = True
            return at + 2
        elif following == "[":
            self.why = "after a `$[`"
        elif following == "'" and self._context() is Context.PLAIN:
            self.why = "after a `$'`"
        return at + 1

    def _expansion(self, text: str, at: int) -> int:
        found = _NESTED_PLAINLY.match(text, at)
        if found is None:
            self.why = "in or after a `${...}` that is not a plain one"
            return at + 1
        return found.end()
