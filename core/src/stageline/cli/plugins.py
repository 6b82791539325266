"""Commands that other distributions bring: found by their entry points, loaded when they are called."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from stageline.errors import InvalidInput

GROUP = "stageline.commands"
"""Of entry points: `<group>.<command>`, such as `watch.prefect`, and in it a `typer.Typer` with one command."""


class PluggedGroup(TyperGroup):
    """A group of commands, with those of its name that others bring."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._brought()})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        point = self._brought().get(cmd_name)
        if own is not None or point is None:
            return own
        return _loaded(point, cmd_name)

    def _brought(self) -> dict[str, EntryPoint]:
        prefix = f"{self.name}."
        return {
            point.name.removeprefix(prefix): point
            for point in entry_points(group=GROUP)
            if point.name.startswith(prefix)
        }


watch = typer.Typer(cls=PluggedGroup, no_args_is_help=True)


@watch.callback()
def _about_watch() -> None:
    """Tell an orchestrator what happens in the registry. Each command comes with the orchestrator's distribution.

    There is none here if none is listed: `pip install prefect-stageline` brings `stageline watch prefect`.
    """


def _loaded(point: EntryPoint, name: str) -> Any:
    try:
        command = typer.main.get_command(point.load())
    except (ImportError, AttributeError) as error:
        command = typer.main.get_command(_broken(point, error))
    command.name = name
    return command


def _broken(point: EntryPoint, error: Exception) -> typer.Typer:
    """What stands for a command that can not be loaded, so that the others are listed and run."""
    app = typer.Typer(add_completion=False)
    takes_all = {"ignore_unknown_options": True, "allow_extra_args": True}

    @app.command(help="Can not be loaded.", context_settings=takes_all)
    def refuse() -> None:
        raise InvalidInput(
            f"{point.value}, which should bring this command, can not be loaded: {type(error).__name__}: {error}. "
            "Install again what brings it, or remove it"
        ) from error

    return app
