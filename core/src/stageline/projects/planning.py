"""What is to be run: a project that was fetched, one of its entry points, and its values, all checked beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.projects import parameters as binding_rules
from stageline.projects.command import render_command
from stageline.projects.environments.read import read_environment
from stageline.projects.mlproject import EntryPoint, Project, load_project
from stageline.projects.sources.fetch import fetch

if TYPE_CHECKING:
    from stageline.projects.environments.spec import EnvironmentSpec
    from stageline.projects.options import Say
    from stageline.projects.sources.fetched import Fetched


@dataclass(frozen=True)
class Planned:
    """An entry point with its values, before anything has been recorded. `source.discard()` when done with it."""

    source: Fetched
    project: Project
    environment: EnvironmentSpec
    entry_point: EntryPoint
    binding: binding_rules.Binding

    def arguments(self, fetch_path: binding_rules.FetchPath) -> dict[str, str]:
        """What the command is given. Raises as `parameters.arguments`."""
        return binding_rules.arguments(
            self.entry_point, self.binding, folder=self.source.folder, fetch=fetch_path
        )

    def command(self, values: Mapping[str, str]) -> str:
        """The line for bash. Raises `InvalidInput`."""
        return render_command(self.entry_point, values, self.binding.extra)


def plan(
    uri: str,
    entry_point: str,
    parameters: Mapping[str, object],
    *,
    version: str | None,
    cache: Path,
    say: Say,
) -> Planned:
    """Fetch a project and bind the parameters of an entry point. Records nothing.

    Raises:
        InvalidInput: the project, the entry point or a parameter breaks a rule.
        NotFound: there is no such project.
    """
    source = fetch(uri, version, cache=cache, say=say)
    try:
        project = load_project(source.folder)
        environment = read_environment(source.folder, project.environment)
        entry = project.entry_point(entry_point)
        bound = binding_rules.bind(entry, parameters)
        planned = Planned(source, project, environment, entry, bound)
        planned.command(bound.declared)  # a place that nothing can be quoted for shows now
    except BaseException:
        source.discard()
        raise
    return planned
