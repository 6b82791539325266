"""What requests of the registry carry; every field may be missing, as protobuf has it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from stageline.server.asks import Tag

Number: TypeAlias = "str | int | None"
"""A version: MLflow's clients send text."""


class CreateModel(msgspec.Struct):
    """registered-models/create"""

    name: str | None = None
    tags: list[Tag] = []
    description: str | None = None


class OneModel(msgspec.Struct):
    """registered-models/get, delete"""

    name: str | None = None


class UpdateModel(msgspec.Struct):
    """registered-models/update"""

    name: str | None = None
    description: str | None = None


class RenameModel(msgspec.Struct):
    """registered-models/rename"""

    name: str | None = None
    new_name: str | None = None


class Search(msgspec.Struct):
    """registered-models/search, model-versions/search"""

    filter: str | None = None
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str | None = None


class LatestVersions(msgspec.Struct):
    """registered-models/get-latest-versions"""

    name: str | None = None
    stages: list[str] = []


class ModelTag(msgspec.Struct):
    """registered-models/set-tag, delete-tag"""

    name: str | None = None
    key: str | None = None
    value: str | None = None


class Alias(msgspec.Struct):
    """registered-models/alias"""

    name: str | None = None
    alias: str | None = None
    version: Number = None


class CreateVersion(msgspec.Struct):
    """model-versions/create"""

    name: str | None = None
    source: str | None = None
    run_id: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class OneVersion(msgspec.Struct):
    """model-versions/get, delete, get-download-uri"""

    name: str | None = None
    version: Number = None


class UpdateVersion(msgspec.Struct):
    """model-versions/update"""

    name: str | None = None
    version: Number = None
    description: str | None = None


class Transition(msgspec.Struct):
    """model-versions/transition-stage"""

    name: str | None = None
    version: Number = None
    stage: str | None = None
    archive_existing_versions: bool | None = None


class VersionTag(msgspec.Struct):
    """model-versions/set-tag, delete-tag"""

    name: str | None = None
    version: Number = None
    key: str | None = None
    value: str | None = None
