"""The URIs of the plugin for MLflow, which need no MLflow."""

from __future__ import annotations

import pytest

from stageline.errors import InvalidInput
from stageline.mlflow_plugin.addresses import Files, parse_files, plugin_uri, store_url


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("stageline+s3://bucket/team", "s3://bucket/team"),
        ("stageline+memory://x", "memory://x"),
        ("stageline+file:///data/ml", "/data/ml"),
        ("stageline+file:///with%20space", "/with space"),
        ("stageline:///data/ml", "/data/ml"),
        ("stageline:", None),
        ("stageline://", None),
    ],
)
def test_tracking_uri_means_a_store(uri, url):
    assert store_url(uri) == url


@pytest.mark.parametrize("uri", ["s3://bucket", "stagelines://x", "stageline+file://host/data"])
def test_other_uri_is_refused(uri):
    with pytest.raises(InvalidInput):
        store_url(uri)


@pytest.mark.parametrize("url", ["s3://b/team", "/data/ml", "memory://x"])
@pytest.mark.parametrize("path", ["", "model", "a/runs/b/artifacts/c"])
def test_uri_of_files_is_taken_apart_again(url, path):
    uri = f"{plugin_uri(url)}/runs/1f/artifacts/{path}"
    assert parse_files(uri) == Files(url, "1f", None, path)


def test_files_of_a_model_of_no_run():
    uri = f"{plugin_uri('s3://b')}/models/m-12/artifacts/x"
    assert parse_files(uri) == Files("s3://b", None, "m-12", "x")


@pytest.mark.parametrize("uri", ["stageline+s3://b/runs/../artifacts", "stageline+s3://b/x"])
def test_uri_of_no_files_is_refused(uri):
    with pytest.raises(InvalidInput):
        parse_files(uri)
