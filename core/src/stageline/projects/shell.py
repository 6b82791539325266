"""Reads a bash command from left to right, to tell how a value has to be quoted at the place that was reached.

It knows words, quotes, escapes, comments, `$name`, `${...}`, `$(...)` and `name=(...)`. Where the rest of the shell's
grammar begins (here-documents, backquotes, `$'...'`, `case` in `$(...)`) it gives up and says so: a wrong guess would
let a value out. So it does where bash computes (`$((...))`, `((...))`, `[[...]]`, `name[...]`): there it reads quotes
away, and runs a `$(...)` that it finds in what is left.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_NESTED_PLAINLY = re.compile(r"\$\{[#!]?\w*(?:\[[@*\w]*\])?(?:[:=+?#%/^,.@~-][^{}'\"`\\$]*)?\}")

_SUM = re.compile(r"\(\((?:[^()'\"`\\#<{}\[]|\([^()'\"`\\#<{}\[]*\))*\)\)")
"""Arithmetic that may be read over: `((x + 1))`."""
_SUBSCRIPT = re.compile(r"\[[\w@*^!.:-]*\]")
_COPIED = re.compile(r"[<>]&(\d+-?|-)(?=[\s;&|()<>]|$)")
"""A copied or a closed file descriptor: `>&2`."""
_PARTED = re.compile(r"[<=(](?:\\\n)+[(<]")
"""What bash reads as one operator, over the end of a line: `=` and `(`."""
_WITHIN = ('"', "'", "#", "(", "=(")
"""What may be open between `[[` and `]]` without being a command."""
_COMPUTES = "where bash computes, and runs what it finds in a value"


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
        """What is open: `"`, `'`, `#`, `[[`, `=(`, `$(` or the like, and a `(` inside of one."""
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
        if self._is_compared and not self.why and self._context() is not Context.COMMENT:
            self.why = f"in `[[`, {_COMPUTES}"
        if self.why:
            return Context.UNSURE
        self._at_word_start = False
        return self._context()

    @property
    def computes(self) -> bool:
        """Whether nothing is sure since bash computes there: then not even its own variables are safe."""
        return self.why.endswith(_COMPUTES)

    @property
    def _is_compared(self) -> bool:
        """Whether the place is between `[[` and `]]`, and not in a command inside of them."""
        return next((one for one in reversed(self._stack) if one not in _WITHIN), "") == "[["

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

    def end_word(self) -> None:
        """Take it that a blank comes next: that ends a `>&2`, of which a value would become part."""
        if self._pending[1:2] == "&":
            self.read(" ")

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
        elif _PARTED.match(text, at):
            self.why = "after an operator that goes on in the next line"
        elif text.startswith("<<<", at) and not self._is_in_list:
            return at + 3
        elif text.startswith("<<", at):
            self.why = "after a here-document (`<<`)"
        elif text.startswith(("<(", ">("), at):
            self._stack.append("$(")
            return at + 2
        elif text.startswith(("<&", ">&"), at):
            return self._copied(text, at)
        elif self._is_in_list and (char in ";&|<>(" or text.startswith("=(", at)):
            # Bash gives up such a list, and goes on with the next line, wherever that begins.
            self.why = f"in or after a list (`=(`) that has a `{char}`"
        elif char in "()[]=":
            return self._bracket(text, at, was_start=was_start)
        elif self._stack and was_start and re.match(r"case\b", text[at:]):
            self.why = "after a `case` inside of `$(...)`"
        return at + 1

    def _copied(self, text: str, at: int) -> int:
        found = _COPIED.match(text, at)
        if found is None or self._is_in_list:
            # Bash reads the quotes of such a word away, takes it for a file's name, and reads that as a word again.
            self.why = f"after a `{text[at : at + 2]}`"
            return at + 1
        if found.end() == len(text):  # what follows may belong to it
            self._pending = found[0]
        self._at_word_start = False
        return found.end()

    @property
    def has_open_list(self) -> bool:
        """Whether a `=(` has no end. Bash gives such a list up, and may go on with any line that it has read of it."""
        return "=(" in self._stack

    @property
    def _is_in_list(self) -> bool:
        return self._stack[-1:] == ["=("]

    def _bracket(self, text: str, at: int, *, was_start: bool) -> int:
        """What opens or closes, outside of quotes."""
        char = text[at]
        if char == "=" and text.startswith("(", at + 1):
            self._stack.append("=(")
            self._at_word_start = True
            return at + 2
        if text.startswith("((", at):
            return self._sum(text, at)
        if char == "[":
            return self._square(text, at, was_start=was_start)
        if char == "]" and was_start and self._stack[-1:] == ["[["]:
            if re.match(r"\]\][\s;&|()<>]", text[at:]):
                self._stack.pop()
                return at + 2
        elif char == "(" and self._stack:
            self._stack.append("(")
        elif char == ")" and self._stack:
            self._close(text, at)
        return at + 1

    def _close(self, text: str, at: int) -> None:
        opened = self._stack.pop()
        self._at_word_start = opened in ("(", "=(")
        if opened == "[[":
            self.why = "after a `[[` that nothing ends"
        elif opened == "=(" and text.startswith("#", at + 1):
            self.why = "after a list with a `#` behind it"

    def _sum(self, text: str, at: int) -> int:
        found = _SUM.match(text, at)
        if found is None:
            self.why = f"in or after `((`, {_COMPUTES}"
            return at + 1
        return found.end()

    def _square(self, text: str, at: int, *, was_start: bool) -> int:
        if was_start and not self._is_in_list:  # a program, or a pattern
            if re.match(r"\[\[(\s|\\\n|$)", text[at:]):
                self._stack.append("[[")
                self._at_word_start = True
                return at + 2
            return at + 1
        found = _SUBSCRIPT.match(text, at)
        if found is None:
            self.why = f"in or after brackets, {_COMPUTES}"
            return at + 1
        return found.end()

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
        elif following in "$?!#@*-0123456789":
            return at + 2
        elif text.startswith("((", at + 1):
            return self._sum(text, at + 1)
        elif following == "(":
            self._stack.append("$(")
            self._at_word_start = True
            return at + 2
        elif following == "[":
            self.why = f"in or after `$[`, {_COMPUTES}"
        elif text.startswith("\\\n", at + 1):
            self.why = "after a dollar whose object is in the next line"
        elif following == "'" and self._context() is Context.PLAIN:
            self.why = "after a `$'`"
        return at + 1

    def _expansion(self, text: str, at: int) -> int:
        found = _NESTED_PLAINLY.match(text, at)
        if found is None:
            self.why = "in or after a `${...}` that is not a plain one"
            return at + 1
        return found.end()
