"""Credentials of the store from Airflow's connections: our own, or one of a cloud's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from airflow.sdk import Connection

Options = dict[str, Any]


def storage_options_of(connection: Connection) -> Options:
    """Options for fsspec from a connection of type `stageline`: what stands in it goes over what it refers to.

    Raises:
        InvalidInput: it refers to a connection of a type that is no storage, or its `storage_options` are no object.
        AirflowNotFoundException: it refers to a connection that is not there.
    """
    extra = connection.extra_dejson
    given = extra.get("storage_options") or {}
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f'the connection {connection.conn_id!r}: storage_options should be a JSON object, such as {{"anon": true}}'
        )
    referred = extra.get("storage_conn_id")
    options = _options_of(BaseHook.get_connection(referred)) if referred else {}
    options |= _login_options(connection)
    return {**options, **given}


def _login_options(connection: Connection) -> Options:
    protocol = (connection.host or "").partition("://")[0].lower()
    names = _LOGIN_NAMES.get(protocol, ("username", "password"))
    values = (connection.login, connection.password)
    return {name: value for name, value in zip(names, values, strict=True) if value}


_LOGIN_NAMES = {
    **dict.fromkeys(("s3", "s3a"), ("key", "secret")),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), ("account_name", "account_key")),
}
"""What fsspec's file systems call the two fields that every connection has."""


def _options_of(connection: Connection) -> Options:
    kind = str(connection.conn_type)
    if kind not in _ADAPTERS:
        raise InvalidInput(
            f"storage_conn_id={connection.conn_id!r} has the type {kind!r}: should be one of {sorted(_ADAPTERS)}"
        )
    return {name: value for name, value in _ADAPTERS[kind](connection).items() if value}


def _aws(connection: Connection) -> Options:
    extra = connection.extra_dejson
    try:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook  # type: ignore[import-not-found]
    except ImportError:
        roles = sorted(_AWS_OF_THE_PROVIDER & extra.keys())
        if roles:
            raise InvalidInput(
                f"the connection {connection.conn_id!r} has {roles}: install apache-airflow-providers-amazon, "
                "which knows what to do with that"
            ) from None
        session = (connection.login, connection.password, extra.get("aws_session_token"))
    else:
        found = AwsBaseHook(aws_conn_id=connection.conn_id, client_type="s3").get_credentials()
        session = (found.access_key, found.secret_key, found.token)
    service = (extra.get("service_config") or {}).get("s3") or {}
    endpoint = service.get("endpoint_url") or extra.get("endpoint_url")
    region = extra.get("region_name")
    options = dict(zip(("key", "secret", "token"), session, strict=True))
    client = {"region_name": region} if region else None
    return {**options, "endpoint_url": endpoint, "client_kwargs": client}


_AWS_OF_THE_PROVIDER = {"role_arn", "assume_role_method", "profile_name", "session_kwargs"}


def _google(connection: Connection) -> Options:
    extra = connection.extra_dejson
    project = extra.get("project")
    try:
        from airflow.providers.google.common.hooks.base_google import GoogleBaseHook  # type: ignore[import-not-found]
    except ImportError:
        import json

        keyfile = extra.get("keyfile_dict")
        token = json.loads(keyfile) if isinstance(keyfile, str) and keyfile else keyfile
        token = token or extra.get("key_path") or "google_default"
    else:
        token = GoogleBaseHook(gcp_conn_id=connection.conn_id).get_credentials()
    return {"token": token, "project": project}


def _azure(connection: Connection) -> Options:
    extra = connection.extra_dejson
    names = ("connection_string", "sas_token", "tenant_id", "client_id", "client_secret")
    given = {name: extra.get(name) for name in names}
    if given["tenant_id"]:  # then login and password are a service principal's
        given |= {
            "client_id": given["client_id"] or connection.login,
            "client_secret": given["client_secret"] or connection.password,
        }
        account = extra.get("account_name") or (connection.host or "").partition(".")[0]
        return {**given, "account_name": account.removeprefix("https://")}
    return {**given, "account_name": connection.login, "account_key": connection.password}


_ADAPTERS: dict[str, Callable[[Connection], Options]] = {
    "aws": _aws,
    "google_cloud_platform": _google,
    "wasb": _azure,
    "adls": _azure,
    "azure_data_lake": _azure,
}
"""By type of connection; their libraries, where they are installed, are imported when they are asked."""
