"""From an entry point's command and the values of its parameters to a line for bash. No value is ever read as shell.

As in MLflow the command is a template: `{name}` is a parameter, and what is given beyond the declared ones follows as
`--key value`. Unlike there, a value is quoted for the place where it stands, so that it also arrives whole inside of
quotes, and braces that are no parameter's need no doubling. Where they are doubled all the same, as MLflow asks, they
are read as it reads them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import InvalidInput
from stageline.projects.shell import Context, ShellReader

if TYPE_CHECKING:
    from stageline.projects.entry_point import EntryPoint

_WORD_IN_BRACES = re.compile(r"\{([A-Za-z_]\w*)\}")
_VARIABLE_LAST = re.compile(r"\$\w+$")
_KEYWORDS = re.compile(
    "case|coproc|do|done|elif|else|esac|fi|for|function|if|in|select|then|time|until|while"
)


class _Hole(NamedTuple):
    """Where the value of a parameter goes."""

    name: str


def render_command(
    entry: EntryPoint, values: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> str:
    """The line for `bash -c` that runs `entry`.

    Args:
        entry: The entry point.
        values: A value for each of its parameters.
        extra: Further ones, which follow as `--key value`.

    Raises:
        InvalidInput: a parameter stands where no quoting keeps its value whole, or a value can not be an argument.
    """
    reader = ShellReader()
    written = ""
    for piece in _pieces(entry, values):
        if isinstance(piece, _Hole):
            written += _value_at(reader, written, piece.name, values[piece.name], entry)
        else:
            _refuse_typos(reader, piece, entry)
            reader.read(piece)
            written += piece
    if values and reader.has_open_list:
        raise InvalidInput(
            f"the command of {entry.name!r} has a list (`=(`) whose end can not be made out: close it, or do without it"
        )
    reader.end_word()
    if extra and reader.value_context() is not Context.PLAIN:
        raise InvalidInput(
            f"the command of {entry.name!r} ends in quotes, in a comment, or {reader.why or 'half-way'}: nothing can "
            f"follow it, so declare {', '.join(extra)} as parameters, and say where each goes"
        )
    return written + "".join(_option(key, value) for key, value in (extra or {}).items())


def _pieces(entry: EntryPoint, names: Mapping[str, str]) -> Iterator[str | _Hole]:
    command = entry.command.rstrip(
        "\n"
    )  # a YAML block ends in one, and what is extra follows on the last line
    fields = _as_mlflow_reads(command, names)
    if fields is None:
        fields = _as_it_stands(command, names)
    last = ""
    for text, name in fields:
        if text:
            yield text
            last = text
        if name is None:
            continue
        # ${name} is the shell's own variable. MLflow would write the value after the dollar, which says nothing.
        yield f"{{{name}}}" if last.endswith("$") and text else _Hole(name)
        last = ""


def _as_mlflow_reads(
    command: str, names: Mapping[str, str]
) -> Iterable[tuple[str, str | None]] | None:
    """Text and the parameter after it, by the rules of `str.format`; None if MLflow could not run the command."""
    try:
        parsed = list(Formatter().parse(command))
    except ValueError:
        return None
    for _, name, spec, conversion in parsed:
        if name is not None and (name not in names or spec or conversion):
            return None
    return [(text, name) for text, name, _, _ in parsed]


def _as_it_stands(command: str, names: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """The same where every brace that is not a parameter's stands for itself."""
    at = 0
    for found in re.finditer(r"\{([^{}]*)\}", command):
        if found[1] in names:
            yield command[at : found.start()], found[1]
            at = found.end()
    yield command[at:], None


def _value_at(reader: ShellReader, before: str, name: str, value: str, entry: EntryPoint) -> str:
    text = _argument(name, value)
    is_after_variable = _VARIABLE_LAST.search(before) is not None  # whose name must not grow
    match reader.value_context():
        case Context.PLAIN:
            return f"''{_quoted(text)}" if is_after_variable else _quoted(text)
        case Context.DOUBLE:
            escaped = re.sub(r'([\\$`"])', r"\\\1", text)
            return f'""{escaped}' if is_after_variable else escaped
        case Context.SINGLE:
            return text.replace("'", "'\\''")
        case Context.COMMENT:
            return f"{{{name}}}"
        case Context.UNSURE:
            place = f"the command of {entry.name!r} has {{{name}}} {reader.why}"
            if reader.computes:
                raise InvalidInput(f"{place}: hand the value to a program, and let that compute")
            raise InvalidInput(
                f"{place}, where no quoting keeps its value whole: "
                f'begin the command with `{_variable(name)}={{{name}}}; `, and write "${_variable(name)}" in its place'
            )


def _refuse_typos(reader: ShellReader, text: str, entry: EntryPoint) -> None:
    """Outside of quotes `{word}` is nothing to the shell, so a parameter was meant."""
    trial = reader.copy()
    at = 0
    for found in _WORD_IN_BRACES.finditer(text):
        trial.read(text[at : found.start()])
        at = found.start()
        before = text[: found.start()]
        if trial.value_context() is Context.PLAIN and not before.endswith("$"):
            known = ", ".join(parameter.name for parameter in entry.parameters) or "none"
            raise InvalidInput(
                f"the command of {entry.name!r} has {found[0]}, which is none of its parameters ({known}): declare it, "
                f"or quote it as '{found[0]}' if it stands for itself"
            )


def _option(key: str, value: str) -> str:
    return f" --{shlex.quote(_argument(key, key))} {shlex.quote(_argument(key, value))}"


def _quoted(text: str) -> str:
    """As by MLflow, save for what the shell could take for its own in front of a command: `if`, `NAME=value`."""
    is_shells_own = _KEYWORDS.fullmatch(text) or ("=" in text and "'" not in text)
    return f"'{text}'" if is_shells_own else shlex.quote(text)


def _argument(name: str, value: str) -> str:
    """`value`, if a process can be given it."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the value of {name!r} is not Unicode text: {error.reason}") from None
    if "\0" in value:
        raise InvalidInput(f"the value of {name!r} holds a NUL character, which no argument can")
    return value


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name)
