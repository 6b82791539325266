"""Registered models, versions and their past, as JSON. Times are Unix milliseconds."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from stageline.server.api.shape import Shape


class Facts(Shape):
    """What a version's run and files said when it was registered."""

    metrics: dict[str, float]
    has_signature: bool = False
    has_requirements: bool = False
    digest: str = ""
    source: str = ""


class Annotation(Shape):
    """A remark that somebody made."""

    text: str
    by: str
    time: int


class Deployment(Shape):
    """Where a version runs."""

    target: str
    time: int
    by: str
    url: str = ""
    link: str = ""


class Origin(Shape):
    """The version of another store that a version is a copy of."""

    store: str
    name: str
    version: int
    digest: str


class Version(Shape):
    """One version of a model."""

    name: str = Field(examples=["wine"])
    version: int = Field(examples=[3])
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str = Field(examples=["Staging"])
    description: str = ""
    source: str = ""
    run_id: str | None = None
    artifact_path: str | None = None
    user_id: str = ""
    run_link: str = ""
    status: str = "READY"
    tags: dict[str, str]
    aliases: list[str]
    annotations: list[Annotation]
    deployments: dict[str, Deployment]
    facts: Facts
    origin: Origin | None = None


class Model(Shape):
    """The named line of versions."""

    name: str = Field(examples=["wine"])
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    tags: dict[str, str]
    aliases: dict[str, int]
    latest_versions: list[Version]
    stages: list[str]
    archive_stage: str | None


class ModelPage(Shape):
    """Some of the models; `next_page_token` asks for more."""

    models: list[Model]
    next_page_token: str | None = None


class VersionPage(Shape):
    """Some of the versions, the newest last."""

    versions: list[Version]
    next_page_token: str | None = None


class HistoryEntry(Shape):
    """What happened to a model at once."""

    name: str
    number: int
    time: int
    actor: str
    summary: str
    """In words."""
    reason: str
    run_id: str | None
    link: str
    digest: str
    """sha256 of the entry's bytes, which the next entry names."""
    events: list[dict[str, Any]]


class HistoryPage(Shape):
    """Some of a model's history, the oldest first."""

    entries: list[HistoryEntry]
    next_page_token: str | None = None


class Proof(Shape):
    """Whether a model's journal is what its writers wrote."""

    name: str
    entries: int
    head: str
    """sha256 of the newest entry: note it elsewhere, and the past can not be replaced unseen."""
    is_intact: bool
    broken: int | None = None
    problem: str = ""
