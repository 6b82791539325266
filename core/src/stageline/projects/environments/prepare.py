"""From what a project asks for to an environment that is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from stageline.errors import InvalidInput
from stageline.projects.environments.conda import find_conda, prepare_conda
from stageline.projects.environments.docker import prepare_docker
from stageline.projects.environments.local import LocalEnvironment
from stageline.projects.environments.spec import (
    CondaEnvironment,
    DockerEnvironment,
    EnvironmentSpec,
    NoEnvironment,
    PythonEnvironment,
)
from stageline.projects.environments.virtual import prepare_virtual

if TYPE_CHECKING:
    from stageline.projects.environments.prepared import Prepared

Say = Callable[[str], None]

KINDS = ("uv", "virtualenv", "conda", "docker", "local")


def prepare(
    spec: EnvironmentSpec,
    kind: str | None,
    *,
    cache: Path,
    say: Say,
    docker_args: Mapping[str, str | bool] | None = None,
) -> Prepared:
    """The environment of `spec`, built if nobody has built it before.

    Args:
        spec: What the project asks for.
        kind: `uv`, `virtualenv`, `conda`, `docker` or `local`; None is what suits `spec`: `uv`, but `docker` for an
            image, `conda` for packages that only conda has where it is installed, `local` for a project that asks
            for nothing.
        cache: The folder where environments lie.
        say: Told, in a line each, what takes a while and what was left out.
        docker_args: Options for `docker run`, without their dashes; True for one that takes no value.

    Raises:
        InvalidInput: there is no such kind, or it can not give what the project asks for.
        NotFound: a program or an interpreter that it takes is not on this machine; the message says what to do.
        StorageFailed: the environment could not be built.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"there is no env manager {kind!r}: choose from {', '.join(KINDS)}")
    chosen = kind or _suits(spec)
    if docker_args and chosen != "docker":
        raise InvalidInput(
            f"{chosen} takes no options for `docker run`: leave out {', '.join(docker_args)}"
        )
    if chosen == "local":
        return LocalEnvironment()
    if isinstance(spec, DockerEnvironment):
        if chosen != "docker":
            raise InvalidInput(
                f"the project runs in the image {spec.image}, which {chosen} can not make: "
                "run with `--env-manager docker` or `local`"
            )
        return prepare_docker(spec, docker_args or {}, say=say)
    if chosen == "docker":
        raise InvalidInput(
            "the project names no image: add docker_env to its MLproject file, or run with another env manager"
        )
    if chosen == "conda":
        if not isinstance(spec, CondaEnvironment):
            raise InvalidInput("the project has no conda.yaml: run with `--env-manager uv`")
        return prepare_conda(spec, cache=cache, say=say)
    return _virtual(spec, chosen, cache, say)


def _virtual(
    spec: NoEnvironment | PythonEnvironment | CondaEnvironment, kind: str, cache: Path, say: Say
) -> Prepared:
    if isinstance(spec, NoEnvironment):
        return prepare_virtual(
            kind, python=None, build_dependencies=(), dependencies=(), folder=cache, cache=cache, say=say
        )  # fmt: skip
    if isinstance(spec, CondaEnvironment) and spec.conda_only:
        say(
            f"left out of the environment, because only conda installs it: {', '.join(spec.conda_only)} "
            "(`--env-manager conda` takes it)"
        )
    return prepare_virtual(
        kind,
        python=spec.python,
        build_dependencies=spec.build_dependencies,
        dependencies=spec.dependencies,
        folder=spec.file.parent,
        cache=cache,
        say=say,
    )


def _suits(spec: EnvironmentSpec) -> str:
    if isinstance(spec, NoEnvironment):
        return "local"
    if isinstance(spec, DockerEnvironment):
        return "docker"
    if isinstance(spec, CondaEnvironment):
        return "conda" if spec.conda_only and find_conda() else "uv"
    if isinstance(spec, PythonEnvironment):
        return "uv"
    assert_never(spec)
