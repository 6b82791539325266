"""The hook: from a connection of Airflow's to a store, with credentials that are looked up whenever they are needed."""

from __future__ import annotations

import json

import pytest

from airflow_provider_stageline.hooks import StagelineHook
from stageline import errors

DAG = """
from airflow.sdk import dag, task

@dag
def pipeline():
    @task
    def look():
        from airflow_provider_stageline.hooks import StagelineHook

        return StagelineHook().workspace().store.url

    look()

pipeline()
"""


@pytest.fixture
def connect(monkeypatch):
    """Defines a connection as Airflow's environment does."""

    def define(conn_id: str = "stageline_default", conn_type: str = "stageline", **fields) -> None:
        text = json.dumps({"conn_type": conn_type, **fields})
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text)

    return define


def test_a_task_finds_the_store_of_its_connection(dag_runs, workspace):
    found = dag_runs.run(DAG)

    assert found["state"] == "success"
    assert workspace.store.url in dag_runs.log


def test_login_and_password_are_the_credentials_of_the_store(connect):
    connect(host="s3://bucket/ml", login="me", password="hunter22")
    assert StagelineHook().storage_options() == {"key": "me", "secret": "hunter22"}
    connect(host="abfs://box/ml", login="account", password="hunter22")
    assert StagelineHook().storage_options() == {
        "account_name": "account",
        "account_key": "hunter22",
    }
    connect(host="sftp://host/ml", login="me", password="hunter22")
    assert StagelineHook().storage_options() == {"username": "me", "password": "hunter22"}


def test_another_connection_may_hold_the_credentials(connect):
    connect(
        "cloud", "aws", login="me", password="hunter22",
        extra={"endpoint_url": "http://127.0.0.1:9", "region_name": "eu-west-1"},
    )  # fmt: skip
    connect(
        host="s3://bucket/ml",
        extra={"storage_conn_id": "cloud", "storage_options": {"anon": False, "key": "mine"}},
    )
    assert StagelineHook().storage_options() == {
        "key": "mine",
        "secret": "hunter22",
        "endpoint_url": "http://127.0.0.1:9",
        "client_kwargs": {"region_name": "eu-west-1"},
        "anon": False,
    }
    keyfile = {"type": "service_account", "project_id": "p"}
    connect(
        "cloud",
        "google_cloud_platform",
        extra={"keyfile_dict": json.dumps(keyfile), "project": "p"},
    )
    connect(host="gs://bucket/ml", extra={"storage_conn_id": "cloud"})
    assert StagelineHook().storage_options() == {"token": keyfile, "project": "p"}
    connect("cloud", "wasb", login="account", password="hunter22")
    connect(host="abfs://box/ml", extra={"storage_conn_id": "cloud"})
    assert StagelineHook().storage_options() == {
        "account_name": "account",
        "account_key": "hunter22",
    }
    connect("cloud", "wasb", host="account.blob.core.windows.net", login="app", password="hunter22",
            extra={"tenant_id": "t"})  # fmt: skip
    assert StagelineHook().storage_options() == {
        "tenant_id": "t", "client_id": "app", "client_secret": "hunter22", "account_name": "account",
    }  # fmt: skip


def test_a_connection_that_is_no_storage_is_refused(connect):
    connect("mail", "smtp")
    connect(host="s3://bucket/ml", extra={"storage_conn_id": "mail"})
    with pytest.raises(errors.InvalidInput, match="should be one of"):
        StagelineHook().storage_options()


def test_a_role_needs_amazons_provider_and_says_so(connect):
    connect("cloud", "aws", extra={"role_arn": "arn:aws:iam::1:role/ml"})
    connect(host="s3://bucket/ml", extra={"storage_conn_id": "cloud"})
    with pytest.raises(errors.InvalidInput, match="apache-airflow-providers-amazon"):
        StagelineHook().storage_options()


def test_credentials_are_looked_up_again_when_the_store_refuses_them(
    connect, seaweedfs_server, monkeypatch
):
    # A store that refuses what it was given a moment ago is not asked again.
    monkeypatch.setattr("stageline.storage.remote_session._FRESH_MS", 0)
    url, options = seaweedfs_server.new_place(), seaweedfs_server.options
    expired = {**options, "key": "expired", "secret": "expired"}
    connect(host=url, extra={"storage_options": expired})
    workspace = StagelineHook().workspace()
    with pytest.raises(errors.StorageFailed):
        list(workspace.store.list("", deep=False))

    connect(host=url, extra={"storage_options": options})

    assert list(workspace.store.list("", deep=False)) == []


def test_the_connection_can_be_tested(connect, tmp_path):
    connect(host=str(tmp_path))
    assert StagelineHook().test_connection() == (True, f"The store {tmp_path} answers.")
    connect(host="nowhere://x")
    is_there, said = StagelineHook().test_connection()
    assert not is_there
    assert "nowhere" in said
    connect(host="")
    assert "names no store" in StagelineHook().test_connection()[1]
    assert "there is no connection 'other'" in StagelineHook("other").test_connection()[1]


def test_the_environment_stands_for_a_default_connection_that_is_not_there(monkeypatch, tmp_path):
    from stageline import fluent

    monkeypatch.setattr(fluent.Session, "workspace", None)
    assert "AIRFLOW_CONN_STAGELINE_DEFAULT" in StagelineHook().test_connection()[1]

    monkeypatch.setattr(fluent.Session, "workspace", None)
    monkeypatch.setenv("STAGELINE_STORE", str(tmp_path))
    assert StagelineHook().workspace().store.url.endswith(str(tmp_path))


def test_pages_of_the_ui(connect, tmp_path):
    connect(host=str(tmp_path), extra={"ui_url": "https://ml.example/ui/"})
    hook = StagelineHook()
    assert hook.ui_url() == "https://ml.example/ui"
    assert hook.ui_url("abc") == "https://ml.example/ui/runs/abc"
    assert hook.ui_url(model="wine red") == "https://ml.example/ui/models/wine%20red"
    assert hook.ui_url(model="wine", version=3) == "https://ml.example/ui/models/wine/versions/3"


def test_links_lead_into_airflow_where_no_other_pages_are_named(connect, tmp_path, monkeypatch):
    connect(host=str(tmp_path))
    assert StagelineHook().ui_url("abc") == "/stageline/runs/abc"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://air.example/flow/")
    assert StagelineHook().ui_url("abc") == "https://air.example/flow/stageline/runs/abc"
    monkeypatch.setenv("AIRFLOW__STAGELINE__CONN_ID", "another")
    assert StagelineHook().ui_url("abc") is None
    monkeypatch.delenv("AIRFLOW__STAGELINE__CONN_ID")
    monkeypatch.setenv("AIRFLOW__STAGELINE__PAGES", "False")
    assert StagelineHook().ui_url("abc") is None
