"""Containers: docker's command line for a project's command, which sees the project's folder and the store."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_IMAGE, TAG_IMAGE_ID
from stageline.storage.local import LocalStore
from stageline.storage.open import open_store

if TYPE_CHECKING:
    from stageline.projects.environments.spec import DockerEnvironment

WORKDIR = "/mlflow/projects/code"
"""As MLflow has it, so that paths in projects made for it hold."""
_STORE = "STAGELINE_STORE"


@dataclass(frozen=True)
class Container:
    """An image that is on this machine."""

    docker: str
    spec: DockerEnvironment
    image_id: str
    arguments: tuple[str, ...] = ()
    """For `docker run`, from whoever runs the project."""
    holds_code: bool = False
    """Whether the project's files are in the image, and need not be seen from here."""
    seen: tuple[Path, ...] = ()
    """Folders that are seen under the names that they have here, if the command names something in them."""

    @property
    def tags(self) -> dict[str, str]:
        """The image, and the id that says which one it was."""
        return {
            TAG_ENVIRONMENT: "docker",
            TAG_IMAGE: self.spec.image,
            TAG_IMAGE_ID: self.image_id,
        }

    def command(
        self, argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """`docker run`, with the project's folder as the working directory.

        Variables are passed by name. Those whose values stand in the MLproject file are no secrets, and given with
        them: otherwise a project could set DOCKER_HOST for docker itself.
        """
        line = [self.docker, "run", "--rm", "--init", *self.arguments]
        line += [] if self.holds_code else [f"--volume={folder.resolve()}:{WORKDIR}"]
        line += [f"--workdir={WORKDIR}"]
        named = [place for place in self.seen if any(str(place) in part for part in argv)]
        line += [f"--volume={place}:{place}" for place in named]
        passed = dict(variables)
        if local := _local_store(passed.get(_STORE, "")):
            passed[_STORE] = str(local)
            line.append(f"--volume={local}:{local}")
        line += [f"--volume={volume}" for volume in self.spec.volumes]
        line += [f"--env={name}={value}" for name, value in self.spec.given if name not in passed]
        line += [f"--env={name}" for name in _names(self.spec.copied, passed)]
        return [*line, self.spec.image, *argv], {**os.environ, **passed}


def prepare_docker(
    spec: DockerEnvironment, arguments: Mapping[str, str | bool], *, say: Callable[[str], None]
) -> Container:
    """The image, pulled if it is not here. Raises `NotFound`, `InvalidInput`, `StorageFailed`."""
    docker = shutil.which("docker")
    if docker is None:
        raise NotFound(
            f"the project runs in the image {spec.image}, and docker is not installed: install it, or run with "
            "`--env-manager local` where what it needs is there"
        )
    missing = [name for name in spec.copied if name not in os.environ]
    if missing:
        raise InvalidInput(
            f"the project's docker_env takes over variables that are not set here: {', '.join(missing)}; set them"
        )
    image_id = _image_id(docker, spec.image)
    if image_id is None:
        say(f"pulling the image {spec.image}")
        ask_docker(docker, "pull", "--quiet", spec.image)
        image_id = _image_id(docker, spec.image)
    if image_id is None:
        raise NotFound(f"docker has no image {spec.image}, and could not pull it: check its name")
    return Container(docker, spec, image_id, tuple(_options(arguments)))


def _options(arguments: Mapping[str, str | bool]) -> Iterator[str]:
    """As MLflow has `-A`: one letter is a short option, and True one without a value."""
    for name, value in arguments.items():
        if not name or name.startswith("-") or any(c.isspace() for c in name):
            raise InvalidInput(
                f"{name!r} is no option of `docker run`: give it without dashes, as in -A gpus=all"
            )
        dashed = f"-{name}" if len(name) == 1 else f"--{name}"
        if value is not False:
            yield dashed
        if not isinstance(value, bool):
            yield value


def _image_id(docker: str, image: str) -> str | None:
    try:
        return ask_docker(docker, "image", "inspect", "--format", "{{.Id}}", image)
    except StorageFailed as error:
        if "no such image" in str(error).lower():
            return None
        raise


def ask_docker(*command: str) -> str:
    """What docker answers. Raises `StorageFailed`, with what it said."""
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if answer.returncode:
        raise StorageFailed(
            f"`docker {command[1]}` ended with {answer.returncode}: {answer.stderr.strip()[-500:]}. "
            "Check that docker runs, and that this user may use it"
        )
    return answer.stdout.strip()


def _local_store(url: str) -> Path | None:
    """The folder of a store on this disk, which the container has to see under the same name."""
    if not url or ("://" in url and not url.startswith(("file://", "local://"))):
        return None
    store = open_store(url)
    return store.path("x").parent.resolve() if isinstance(store, LocalStore) else None


def _names(copied: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    return sorted({*copied, *variables})
