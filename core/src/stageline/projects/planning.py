"""What is to be run: a project that was fetched, one of its entry points, and its values, all checked beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.projects import parameters as binding_rules
from stageline.projects.command import render_command
from stageline.projects.environments.read import read_environment
from stageline.projects.mlproject import Project, load_project
from stageline.projects.secrets import Secrets
from stageline.projects.sources.fetch import fetch

if TYPE_CHECKING:
    from stageline.projects.entry_point import EntryPoint
    from stageline.projects.environments.spec import EnvironmentSpec
    from stageline.projects.options import Say
    from stageline.projects.sources.fetched import Fetched


@dataclass(frozen=True)
class Opened:
    """A project that was fetched and read. `source.discard()` when done with it."""

    source: Fetched
    project: Project
    environment: EnvironmentSpec


@dataclass(frozen=True)
class Planned:
    """An entry point with its values, before anything has been recorded. `source.discard()` when done with it."""

    source: Fetched
    project: Project
    environment: EnvironmentSpec
    entry_point: EntryPoint
    binding: binding_rules.Binding

    @cached_property
    def secrets(self) -> Secrets:
        """What among the values is not to be shown."""
        return Secrets(self.binding.params)

    def arguments(self, fetch_path: binding_rules.FetchPath) -> dict[str, str]:
        """What the command is given. Raises as `parameters.arguments`."""
        return binding_rules.arguments(
            self.entry_point, self.binding, folder=self.source.folder, fetch=fetch_path
        )

    def command(self, values: Mapping[str, str]) -> str:
        """The line for bash. Raises `InvalidInput`."""
        return render_command(self.entry_point, values, self.binding.extra)

    def shown_command(self, values: Mapping[str, str]) -> str:
        """The same without secrets."""
        shown = self.secrets.shown
        return render_command(self.entry_point, shown(values), shown(self.binding.extra))


def open_project(
    uri: str,
    *,
    version: str | None,
    cache: Path,
    say: Say,
    storage_options: Mapping[str, Any] | None = None,
) -> Opened:
    """Fetch a project and read what it says of itself. Records nothing.

    Raises:
        InvalidInput: the project breaks a rule.
        NotFound: there is no such project.
    """
    source = fetch(uri, version, cache=cache, say=say, storage_options=storage_options)
    try:
        project = load_project(source.folder)
        return Opened(source, project, read_environment(source.folder, project.environment))
    except BaseException:
        source.discard()
        raise


def plan(opened: Opened, entry: EntryPoint, parameters: Mapping[str, object]) -> Planned:
    """Bind the parameters of an entry point. Records nothing. Raises `InvalidInput` if they break a rule."""
    bound = binding_rules.bind(entry, parameters)
    planned = Planned(opened.source, opened.project, opened.environment, entry, bound)
    planned.command(bound.declared)  # a place that nothing can be quoted for shows now
    return planned
