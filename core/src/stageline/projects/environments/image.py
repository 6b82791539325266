"""Images with a project's code in them: built on the project's own image by docker, and pushed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from stageline.errors import NotFound
from stageline.projects.environments.docker import WORKDIR, ask_docker

_DOCKERFILE = f"""FROM {{base}}
COPY . {WORKDIR}/
WORKDIR {WORKDIR}
"""


def build_image(base: str, name: str, folder: Path, *, say: Callable[[str], None]) -> str:
    """Build the image `name`: `base` with the files of `folder`, but for what its .dockerignore names. Its id.

    Raises:
        NotFound: docker is not installed.
        StorageFailed: docker can not build it.
    """
    docker = _docker(base)
    say(f"building the image {name}")
    with tempfile.TemporaryDirectory(prefix="stageline-image-") as place:
        # Outside of the project, which may have one of its own.
        file = Path(place, "Dockerfile")
        file.write_text(_DOCKERFILE.format(base=base), encoding="utf-8")
        ask_docker(docker, "build", "--quiet", f"--tag={name}", f"--file={file}", str(folder))
    return ask_docker(docker, "image", "inspect", "--format", "{{.Id}}", name)


def push_image(name: str, repository: str, *, say: Callable[[str], None]) -> str:
    """Push the image; its name by digest, which means the same for ever. Raises `StorageFailed`."""
    docker = _docker(name)
    say(f"pushing the image {name}")
    ask_docker(docker, "push", "--quiet", name)
    told = ask_docker(
        docker, "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name
    )
    digests = [line for line in told.splitlines() if line.startswith(f"{repository}@")]
    return digests[0] if digests else name


def _docker(image: str) -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise NotFound(
            f"an image is to be built on {image}, and docker is not installed: install it, or leave the repository-uri "
            "out where the project's image has its code in it"
        )
    return docker
