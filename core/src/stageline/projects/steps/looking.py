"""A step, and all that decides what it makes: found out before anything runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import StorageFailed
from stageline.projects.environments.digest import environment_digest
from stageline.projects.planning import Opened, Planned, plan
from stageline.projects.steps.code import CodeFile, code_of, digests_of
from stageline.projects.steps.facts import Facts
from stageline.projects.steps.inputs import Input, StepResult, inputs_of
from stageline.projects.steps.step import Step, is_own_path
from stageline.projects.steps.values import values_of

if TYPE_CHECKING:
    from stageline.projects.steps.cache import Made, StepCache
    from stageline.projects.steps.versions import Versions

_log = logging.getLogger("stageline")


@dataclass(frozen=True)
class Looked:
    """A step, and all that it depends on."""

    step: Step
    planned: Planned
    code: Mapping[str, CodeFile]
    inputs: list[Input]
    facts: Facts


class Lookout:
    """Looks at the steps of one project. Safe from several threads."""

    def __init__(
        self,
        opened: Opened,
        cache: StepCache,
        versions: Versions,
        *,
        env_manager: str | None,
        not_code: list[Path],
    ) -> None:
        self.source = opened.source
        self.project = opened.project
        self.cache = cache
        self._opened = opened
        self._versions = versions
        self._env_manager = env_manager
        self._not_code = not_code

    @property
    def name(self) -> str:
        """What the project is called among others."""
        return self.project.name or self.source.uri

    @cached_property
    def _environment(self) -> str:
        return environment_digest(self._opened.environment, self._env_manager)

    def planned(self, step: Step, given: Mapping[str, object]) -> Planned:
        """The step's entry point and values. Raises `InvalidInput`."""
        entry, values = values_of(self.project, step, given)
        return plan(self._opened, entry, values)

    def look(
        self, step: Step, given: Mapping[str, object], upstream: Mapping[str, StepResult]
    ) -> Looked:
        """What the step depends on. Runs nothing. Raises as `inputs_of`, `code_of` and `bind`."""
        planned = self.planned(step, given)
        steps, place = self.project.steps, self.source.folder
        inputs = inputs_of(step, steps, place, upstream, self._versions)
        code = code_of(step, steps, place, self._not_code)
        parameters = planned.secrets.shown(planned.binding.params)
        digests = {one.name: one.digest for one in inputs}
        for name, value in _paths(planned):  # what is there counts, not where it lies
            digests[f"parameter {name}"] = self._versions.digest(value)
            del parameters[name]
        facts = Facts(
            entry_point=step.entry_point,
            command=planned.entry_point.command,
            parameters=parameters,
            environment=self._environment,
            code=digests_of(code),
            inputs=digests,
            outputs=sorted(step.outputs),
        )
        return Looked(step, planned, code, inputs, facts)

    def find(self, looked: Looked) -> Made | None:
        """What was made of the same before. While the store is away, nothing."""
        try:
            return self.cache.find(looked.facts)
        except StorageFailed as error:
            _log.warning(
                "the step %s is run, as it can not be looked up: %s", looked.step.name, error
            )
            return None


def _paths(planned: Planned) -> list[tuple[str, str]]:
    """The parameters that name files which are not among the inputs."""
    declared, defaulted = planned.binding.declared, planned.binding.defaulted
    return [
        (one.name, declared[one.name])
        for one in planned.entry_point.parameters
        if one.type == "path" and not (one.name in defaulted and is_own_path(declared[one.name]))
    ]
