"""The manifest of a Job: a template, and what is filled in. Holds no secrets: they come from the cluster's own."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from stageline.domain.ids import new_txn
from stageline.domain.redaction import Redactor
from stageline.errors import InvalidInput, NotFound
from stageline.models.safe_yaml import read_yaml
from stageline.projects.environments.docker import WORKDIR
from stageline.storage.redaction import public_url

if TYPE_CHECKING:
    from stageline.projects.environments.spec import DockerEnvironment
    from stageline.projects.kubernetes.config import ClusterConfig
    from stageline.projects.launching import Job

LABEL_RUN = "stageline/run-id"
ANNOTATION_SUBMISSION = "stageline/submission"
"""Tells a Job of this very launch from any other of its name: the answer to its making may be lost."""

_OPTIONS = "STAGELINE_STORAGE_OPTIONS"
# Places on this machine.
_LOCAL = ("STAGELINE_CONFIG", "STAGELINE_SPOOL", "STAGELINE_CACHE")
_DEFAULT: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {},
    "spec": {
        "backoffLimit": 0,  # a run is tried again by who started it, or not at all
        "template": {"spec": {"restartPolicy": "Never", "containers": [{}]}},
    },
}


def image_name(job: Job, config: ClusterConfig, spec: DockerEnvironment) -> str:
    """The image that the Job would run in: by commit where there is one, or else by run."""
    if config.repository is None:
        return spec.image
    version = job.source.commit or re.sub(r"[^\w.-]", "", job.run_id)
    return f"{config.repository}:{version[:32]}"


def rendered(
    job: Job, config: ClusterConfig, spec: DockerEnvironment, image: str
) -> dict[str, Any]:
    """The manifest of `job` in `image`.

    Raises:
        InvalidInput: the template is none, the cluster could not see the store, or a secret would be in the manifest.
        NotFound: there is no such template.
    """
    manifest = copy.deepcopy(_DEFAULT) if config.template is None else _template(config.template)
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]
    submission = new_txn()
    name = _job_name(job, submission)
    metadata = manifest.setdefault("metadata", {})
    metadata["name"] = name
    metadata["namespace"] = config.namespace or metadata.get("namespace") or "default"
    metadata["labels"] = {**(metadata.get("labels") or {}), LABEL_RUN: _label(job.run_id)}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        ANNOTATION_SUBMISSION: submission,
    }
    container["name"] = name
    container["image"] = image
    container["command"] = ["bash", "-c", _public_command(job)]
    container.pop("args", None)
    if config.repository is not None:
        container.setdefault("workingDir", WORKDIR)
    env = [one for one in container.get("env") or [] if isinstance(one, Mapping)]
    container["env"] = [*env, *_variables(job, config, spec, container, env)]
    _check_store(job.variables["STAGELINE_STORE"], container)
    return manifest


def manifest_text(manifest: Mapping[str, Any]) -> str:
    """The manifest as YAML."""
    import yaml

    return str(yaml.safe_dump(dict(manifest), sort_keys=False)).rstrip("\n")


def _variables(
    job: Job,
    config: ClusterConfig,
    spec: DockerEnvironment,
    container: Mapping[str, Any],
    env: list[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    there = {one.get("name") for one in env}
    given = {**dict(spec.given), **job.variables}
    found: list[dict[str, Any]] = []
    for name, value in given.items():
        if name in there or name in _LOCAL:
            continue
        if name == _OPTIONS:
            if config.options_secret:
                secret, key = config.options_secret
                reference = {"secretKeyRef": {"name": secret, "key": key}}
                found.append({"name": name, "valueFrom": reference})
            elif not container.get("envFrom"):
                raise InvalidInput(
                    "the options of the store may be secret, and a manifest is read by many: put them as JSON into a "
                    "Secret, and name it and its key as storage-options-secret in the --backend-config"
                )
            continue
        redactor = Redactor()
        is_secret = redactor.is_secret_name(name, value) or redactor.text(value) != value
        if is_secret and name in job.variables:
            raise InvalidInput(
                f"{name} may be secret, and a manifest is read by many: name it in the Job's template, with a "
                "valueFrom.secretKeyRef"
            )
        found.append({"name": name, "value": value})
    missing = [name for name in spec.copied if name not in there]
    if missing and not container.get("envFrom"):
        raise InvalidInput(
            f"the project's docker_env takes over {', '.join(missing)} from here, which may be secret: name them in "
            "the Job's template, with a valueFrom.secretKeyRef or an envFrom"
        )
    return found


def _public_command(job: Job) -> str:
    if job.shown_command != job.command:
        raise InvalidInput(
            "a parameter is secret, and a Job's manifest is read by many: let the command read it from a variable that "
            f"the Job's template takes from a Secret, instead of {job.shown_command!r}"
        )
    if any(str(place) in job.command for place in (job.source.folder, job.run_folder)):
        raise InvalidInput(
            "a parameter of type path names a file on this machine, which a Job does not see: declare it as uri, and "
            "let the command read the URL"
        )
    return job.command


def _check_store(store: str, container: Mapping[str, Any]) -> None:
    if public_url(store) != store:
        raise InvalidInput(
            "the URL of the store holds credentials, which a manifest must not: give them as storage options"
        )
    if "://" in store and not store.startswith(("file://", "local://")):
        return
    path = PurePosixPath(store.partition("://")[2] or store)
    mounted = [one.get("mountPath", "") for one in container.get("volumeMounts") or []]
    if not any(mount and path.is_relative_to(mount) for mount in mounted):
        raise InvalidInput(
            f"the store {store} is a folder on this machine, which a Job does not see: name one in a bucket, or mount "
            "the folder under the same name in the Job's template"
        )


def _template(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"the Job's template {path} can not be read: {error.strerror}") from error
    document = read_yaml(data, str(path))
    try:
        is_job = document["kind"] == "Job" and document["apiVersion"] == "batch/v1"
        containers = document["spec"]["template"]["spec"]["containers"]
        if is_job and isinstance(containers[0], dict):
            return document
    except (KeyError, TypeError, IndexError):
        pass
    raise InvalidInput(
        f"{path} is no template of a Job: it should have apiVersion batch/v1, kind Job, and "
        "spec.template.spec.containers with one container"
    )


def _job_name(job: Job, submission: str) -> str:
    """A name by the rules of DNS: a run that is launched again gets another."""
    project = job.project_name or os.path.basename(str(job.source.folder)) or "run"
    plain = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:30].strip("-") or "run"
    return f"{plain}-{_label(job.run_id)[-8:].lower()}-{submission[:5]}"


def _label(run_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", run_id) or "run"
