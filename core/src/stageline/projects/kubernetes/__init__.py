"""The launcher `kubernetes`: the command runs as a Job of a cluster, in an image, and is watched from here.

The package `kubernetes` is what reaches the cluster, since a kubeconfig has a dozen ways to log in; it is imported when
a Job is launched. A `--dry-run` does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_IMAGE
from stageline.projects.environments.spec import DockerEnvironment
from stageline.projects.kubernetes.config import read_config
from stageline.projects.kubernetes.manifest import image_name, manifest_text, rendered

if TYPE_CHECKING:
    from stageline.projects.kubernetes.cluster import Cluster
    from stageline.projects.kubernetes.config import ClusterConfig
    from stageline.projects.kubernetes.remote_job import RemoteJob
    from stageline.projects.launching import Attachment, Exit, Job

TAG_JOB = "stageline.project.kubernetes.job"
TAG_NAMESPACE = "stageline.project.kubernetes.namespace"


def launch(job: Job) -> RemoteJob:
    """Build and push the image if there is a repository for it, and log in to the cluster; no Job is made yet.

    Raises:
        InvalidInput: the project has no image, the template is none, or the manifest would hold a secret.
        NotFound: docker is not installed, or the kubeconfig has no such context.
        StorageFailed: the image can not be built or pushed.
    """
    cluster_of, job_of = _loaded()
    config = read_config(job.options)
    spec = _image_of(job)
    rendered(job, config, spec, spec.image)  # what is wrong with it shows before an image is built
    image = _pushed(job, config, spec)
    manifest = rendered(job, config, spec, image)
    cluster = cluster_of.open(config.context, manifest["metadata"]["namespace"])
    job.set_tags(
        {
            TAG_ENVIRONMENT: "kubernetes",
            TAG_IMAGE: image,
            TAG_JOB: manifest["metadata"]["name"],
            TAG_NAMESPACE: manifest["metadata"]["namespace"],
        }
    )
    return job_of(
        job,
        cluster,
        name=manifest["metadata"]["name"],
        container=manifest["spec"]["template"]["spec"]["containers"][0]["name"],
        manifest=manifest,
        poll_s=config.poll_s,
    )


def attach(
    reference: Mapping[str, Any], attachment: Attachment, *, seen: Exit | None = None
) -> RemoteJob:
    """A Job that was submitted before, in the cluster that the options name. Asks it nothing yet.

    Raises:
        InvalidInput: `reference` is not that of a Job.
        NotFound: the kubeconfig has no such context.
    """
    cluster_of, job_of = _loaded()
    config = read_config(attachment.options)
    found = {key: reference.get(key) for key in ("namespace", "job", "container")}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise InvalidInput(
            f"a Job is found again by its {', '.join(found)}; this reference has {sorted(reference)}: give the one "
            "that its submission answered"
        )
    cluster = cluster_of.open(config.context, str(found["namespace"]))
    return job_of(
        attachment,
        cluster,
        name=str(found["job"]),
        container=str(found["container"]),
        poll_s=config.poll_s,
        seen=seen,
    )


def describe(job: Job) -> str:
    """The manifest. Reaches no cluster and builds no image."""
    config = read_config(job.options)
    spec = _image_of(job)
    return manifest_text(rendered(job, config, spec, image_name(job, config, spec)))


def _loaded() -> tuple[type[Cluster], type[RemoteJob]]:
    try:
        from stageline.projects.kubernetes.cluster import Cluster
        from stageline.projects.kubernetes.remote_job import RemoteJob
    except ImportError as error:
        raise InvalidInput(
            f"the backend 'kubernetes' needs the package {error.name}: pip install 'stageline[kubernetes]'"
        ) from error
    return Cluster, RemoteJob


def _image_of(job: Job) -> DockerEnvironment:
    if job.docker_args:
        raise InvalidInput("a Job takes no options of `docker run`: put them into its template")
    if job.env_manager not in (None, "docker"):
        raise InvalidInput(f"a Job runs in an image, not by the env manager {job.env_manager!r}")
    if not isinstance(job.environment, DockerEnvironment):
        raise InvalidInput(
            "a Job runs in an image, and the project names none: add docker_env to its MLproject file"
        )
    return job.environment


def _pushed(job: Job, config: ClusterConfig, spec: DockerEnvironment) -> str:
    if config.repository is None:
        if job.build_image:
            raise InvalidInput(
                "an image that is built has to be pushed to where the cluster finds it: name it as repository-uri in "
                "the --backend-config"
            )
        return spec.image
    from stageline.projects.environments.image import build_image, push_image

    name = image_name(job, config, spec)
    build_image(spec.image, name, job.source.folder, say=job.say)
    return push_image(name, config.repository, say=job.say)
