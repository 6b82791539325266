"""The use cases of choosing one version: by alias, by URI, by stage, by a metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from stageline.domain import decisions
from stageline.domain.registry_names import (
    canonical_stage,
    check_alias,
    check_model_name,
    check_version,
)
from stageline.errors import InvalidInput, NotFound
from stageline.registry.versions import Versions
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.model import ModelVersion


class Choosing(Versions):
    """Names by which a version is called."""

    # -- aliases ----------------------------------------------------------------------------------

    def set_alias(self, name: str, alias: str, version: int | str) -> None:
        """Point an alias at a version, wherever it pointed before. Raises `NotFound`, `InvalidInput`."""
        alias, number = check_alias(alias), check_version(version)
        self._change(name, lambda state: decisions.decide_set_alias(state, alias, number))

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias; an absent one is fine."""
        alias = check_alias(alias)
        self._change(name, lambda state: decisions.decide_delete_alias(state, alias))

    def get_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at. Raises `NotFound`."""
        alias = check_alias(alias)
        state = self._active(name)
        number = state.aliases.get(alias)
        if number is None:
            raise NotFound(
                f"Registered model alias {alias} not found in {name!r}; it has "
                f"{', '.join(sorted(state.aliases)) or 'none'}"
            )
        return decisions.get_version(state, number)

    # -- URIs -------------------------------------------------------------------------------------

    def get_by_uri(self, uri: str) -> ModelVersion:
        """The version that `models:/<name>/<version, stage or latest>` or `models:/<name>@<alias>` names now.

        Raises:
            InvalidInput: it is no such URI.
            NotFound: there is no such model, version, stage or alias, or nothing is in the stage.
        """
        name, alias, selector = _parsed(uri)
        if alias is not None:
            return self.get_by_alias(name, alias)
        if selector.isdecimal():
            return self.get_version(name, selector)
        state = self._active(name)
        if selector.lower() == "latest":
            found = state.all_versions()
        else:
            stage = canonical_stage(selector, state.stages)
            found = [one for one in state.all_versions() if one.current_stage == stage]
        if not found:
            raise NotFound(f"{uri}: no version of {name!r} is there now")
        return found[-1]

    def resolve(self, uri: str) -> tuple[str, str] | str:
        """Where the files of `models:/...` are: a run's id and the path among its artifacts, or a path or URL.

        Raises as `get_by_uri` does.
        """
        version = self.get_by_uri(uri)
        if version.run_id is not None and version.artifact_path is not None:
            return version.run_id, version.artifact_path
        return version.source

    # -- stages and metrics -----------------------------------------------------------------------

    def latest_versions(self, name: str, stages: Iterable[str] | None = None) -> list[ModelVersion]:
        """The highest version of each stage that holds any; of all stages if none are given."""
        state = self._active(name)
        wanted = state.stages if stages is None else tuple(stages)
        return state.latest(canonical_stage(stage, state.stages) for stage in wanted)

    def best_version(
        self,
        name: str,
        metric: str,
        direction: Literal["min", "max"],
        *,
        stages: Iterable[str] | None = None,
    ) -> ModelVersion:
        """The version whose run has the least or the greatest value of a metric; the newest of several that share it.

        Reads each version's run; NaN is never best.

        Raises:
            NotFound: no version has the metric.
        """
        if direction not in ("min", "max"):
            raise InvalidInput(f"Invalid direction {direction!r}: expected 'min' or 'max'")
        state = self._active(name)
        wanted = (
            state.stages if stages is None else [canonical_stage(s, state.stages) for s in stages]
        )
        among = [one for one in state.all_versions() if one.current_stage in wanted]
        values = [facts.metrics.get(metric) for facts in together(self.facts_of, among)]
        sign = -1.0 if direction == "min" else 1.0
        ranked = [
            (sign * value, version.version)
            for value, version in zip(values, among, strict=True)
            if value is not None and not math.isnan(value)
        ]
        if not ranked:
            raise NotFound(f"no version of {name!r} has the metric {metric!r}")
        return decisions.get_version(state, max(ranked)[1])


def _parsed(uri: str) -> tuple[str, str | None, str]:
    """Name, alias and selector of a `models:/` URI."""
    scheme, _, rest = uri.partition(":/")
    name, slash, selector = rest.strip("/").partition("/")
    if scheme == "models" and slash and selector and "/" not in selector:
        return check_model_name(name), None, selector
    name, at, alias = rest.strip("/").rpartition("@")
    if scheme == "models" and at and not slash:
        return check_model_name(name), check_alias(alias), ""
    raise InvalidInput(
        f"Invalid model URI {uri[:300]!r}: expected models:/<name>/<version or stage> or models:/<name>@<alias>"
    )
