"""What requests about logged models carry; every field may be missing, as protobuf has it."""

from __future__ import annotations

import msgspec

from stageline.server.asks import Tag


class CreateLoggedModel(msgspec.Struct):
    """POST logged-models"""

    experiment_id: str | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Tag] = []
    tags: list[Tag] = []


class OneLoggedModel(msgspec.Struct):
    """GET and DELETE logged-models/{model_id}"""

    model_id: str = ""
    allow_deleted: bool | None = None


class FinalizeLoggedModel(msgspec.Struct):
    """PATCH logged-models/{model_id}"""

    model_id: str = ""
    status: str | int | None = None


class LoggedModelTags(msgspec.Struct):
    """PATCH logged-models/{model_id}/tags"""

    model_id: str = ""
    tags: list[Tag] = []


class LoggedModelTag(msgspec.Struct):
    """DELETE logged-models/{model_id}/tags/{tag_key}"""

    model_id: str = ""
    tag_key: str = ""


class LoggedModelParams(msgspec.Struct):
    """POST logged-models/{model_id}/params"""

    model_id: str = ""
    params: list[Tag] = []


class Dataset(msgspec.Struct):
    """On which metrics must be measured"""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class OrderBy(msgspec.Struct):
    """One ordering"""

    field_name: str | None = None
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchLoggedModels(msgspec.Struct):
    """logged-models/search"""

    experiment_ids: list[str] = []
    filter: str | None = None
    datasets: list[Dataset] = []
    max_results: int | None = None
    order_by: list[OrderBy] = []
    page_token: str | None = None


class LoggedModelFolder(msgspec.Struct):
    """logged-models/{model_id}/artifacts/directories"""

    model_id: str = ""
    artifact_directory_path: str | None = None
