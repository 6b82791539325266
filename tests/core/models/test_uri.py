"""Model URIs."""

from __future__ import annotations

import pytest

from stageline.errors import InvalidInput
from stageline.models.uri import Place, RegisteredVersion, RunModel, parse_model_uri


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("runs:/abc/model", RunModel("abc", "model")),
        ("runs:/abc/deep/model/", RunModel("abc", "deep/model")),
        ("models:/wine/3", RegisteredVersion("wine", "3")),
        ("models:/wine/Production", RegisteredVersion("wine", "Production")),
        ("models:/wine/latest", RegisteredVersion("wine", "latest")),
        ("models:/wine@champion", RegisteredVersion("wine", "@champion")),
        ("s3://bucket/model", Place("s3://bucket/model")),
        ("./model", Place("./model")),
    ],
)
def test_uris_are_told_apart(uri: str, found: object) -> None:
    assert parse_model_uri(uri) == found


@pytest.mark.parametrize(
    "uri",
    [
        "", "runs:/", "runs:/abc", "runs:/abc/", "runs:/abc/../other", "runs:/abc/%2e%2e/other", "runs:/a b/model",
        "runs:/abc/a\\..\\b", "models:/", "models:/wine", "models:/wine/", "models:/wine/3/model", "models:/@x",
        "models:/a/b@c", "models:/wine@", "models:/m-" + "0" * 31,
    ],
)  # fmt: skip
def test_malformed_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidInput):
        parse_model_uri(uri)
