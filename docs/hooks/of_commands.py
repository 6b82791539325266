"""The page of the command line: every command, argument and option, as the parser knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pagetext import cell, table
from typer.main import get_command


def commands() -> Iterator[tuple[list[str], Any, Any]]:
    """Each group and command: its words, itself, its context."""
    from stageline.cli.main import app

    yield from _below(get_command(app), ["stageline"], None)


def _below(command: Any, words: list[str], parent: Any) -> Iterator[tuple[list[str], Any, Any]]:
    context = command.context_class(command, info_name=words[-1], parent=parent)
    yield words, command, context
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _below(command.get_command(context, name), [*words, name], context)


def commands_page() -> str:
    """All of it as Markdown."""
    parts = [
        "# Commands\n\nEach answers to `--help`. `--store URL` and `--json` may stand anywhere on the line.\n"
    ]
    for words, command, context in commands():
        parts.append(f"## `{' '.join(words)}`\n\n{_help(command)}\n\n")
        usage = " ".join(command.collect_usage_pieces(context))
        parts.append(f"```text\n{' '.join(words)} {usage}\n```\n\n")
        rows = [_row(one) for one in command.params if not getattr(one, "hidden", False)]
        if rows:
            parts.append(table(("option", "", "default"), rows) + "\n")
    return "\n".join(parts)


def _help(command: Any) -> str:
    text = (command.help or "").replace("\b", "").replace("\f", "")
    return "\n".join(line.strip() for line in text.splitlines()).replace("<", "&lt;")


def _row(param: Any) -> tuple[str, str, str]:
    names = [*param.opts, *param.secondary_opts]
    if param.param_type_name == "argument":
        names = [param.metavar or param.name.upper()]
    shown = param.default not in (None, (), [], False, "") and not callable(param.default)
    default = f"`{getattr(param.default, 'value', param.default)}`" if shown else ""
    return (
        ", ".join(f"`{name}`" for name in names),
        cell(getattr(param, "help", None) or "").replace("<", "&lt;"),
        default,
    )
