"""What requests of the registry carry; every field may be missing, as protobuf has it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from stageline.server.asks import Tag

Number: TypeAlias = "str | int | None"
"""A version: MLflow's clients send text."""


class OneModel(msgspec.Struct):
    """registered-models/get, delete"""

    name: str | None = None


class Described(OneModel):
    """What requests have in common that describe something"""

    description: str | None = None


class UpdateModel(Described):
    """registered-models/update"""


class CreateModel(Described):
    """registered-models/create"""

    tags: list[Tag] = []


class RenameModel(OneModel):
    """registered-models/rename"""

    new_name: str | None = None


class Search(msgspec.Struct):
    """registered-models/search, model-versions/search"""

    filter: str | None = None
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str | None = None


class LatestVersions(OneModel):
    """registered-models/get-latest-versions"""

    stages: list[str] = []


class ModelTag(OneModel):
    """registered-models/set-tag, delete-tag"""

    key: str | None = None
    value: str | None = None


class OneVersion(OneModel):
    """model-versions/get, delete, get-download-uri"""

    version: Number = None


class Alias(OneVersion):
    """registered-models/alias"""

    alias: str | None = None


class CreateVersion(Described):
    """model-versions/create"""

    source: str | None = None
    run_id: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    model_id: str | None = None


class UpdateVersion(OneVersion):
    """model-versions/update"""

    description: str | None = None


class Transition(OneVersion):
    """model-versions/transition-stage"""

    stage: str | None = None
    archive_existing_versions: bool | None = None


class VersionTag(OneVersion):
    """model-versions/set-tag, delete-tag"""

    key: str | None = None
    value: str | None = None
