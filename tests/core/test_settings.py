"""Settings come from where they should, in the order that is promised, and never show a secret."""

from __future__ import annotations

import io
import math
import pickle
import traceback
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rich.console
import rich.pretty

from stageline.errors import InvalidInput
from stageline.settings import DEFAULT_STORE, Settings, load_settings
from stageline.workspace import Workspace

SECRET = "hunter2-hunter2"
OPTIONS = {"key": "AKIA", "secret": SECRET, "client_kwargs": {"endpoint_url": "http://x"}}


def config(folder: Path, text: str) -> dict[str, str]:
    """An environment that names a settings file."""
    path = folder / "given.toml"
    path.write_text(text)
    return {"STAGELINE_CONFIG": str(path)}


def test_nothing_set_means_the_defaults() -> None:
    assert load_settings({}) == Settings()
    assert Settings().store == DEFAULT_STORE == "./mlstore"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("store", "s3://b", "s3://b"),
        ("storage_options", '{"anon": true}', {"anon": True}),
        ("durability", "fsync", "fsync"),
        ("flush_s", "2.5", 2.5),
        ("flush_bytes", "1024", 1024),
        ("heartbeat_s", "1", 1.0),
        ("stale_after_s", "1e3", 1000.0),
        ("end_timeout_s", "0", 0.0),
        ("retry_for_s", "0", 0.0),
        ("reach_for_s", "60", 60.0),
        ("spool", "/s", "/s"),
        ("cache", "/c", "/c"),
        ("allow_pickle", "1", True),
        ("webhook_keys", "k1,k2", "k1,k2"),
        ("webhook_allow", "hooks.corp,10.0.0.0/8", "hooks.corp,10.0.0.0/8"),
        ("webhook_ports", "443", "443"),
        ("webhook_http", "1", True),
        ("webhook_timeout_s", "5", 5.0),
        ("webhook_attempts", "3", 3),
        ("server_url", "http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("ui_url", "https://ml.example", "https://ml.example"),
        ("user", "ada", "ada"),
    ],
)
def test_every_setting_has_a_name_in_the_environment(name: str, text: str, value: object) -> None:
    settings = load_settings({f"STAGELINE_{name.upper()}": text})
    assert getattr(settings, name) == value


def test_no_setting_is_left_out_above() -> None:
    marks = test_every_setting_has_a_name_in_the_environment.pytestmark  # type: ignore[attr-defined]
    assert [case[0] for case in marks[0].args[1]] == list(Settings.__struct_fields__)


def test_file_is_read_where_it_is_named(tmp_path: Path) -> None:
    settings = load_settings(
        config(tmp_path, 'store = "s3://b"\nflush_s = 3\n[storage_options]\nanon = true\n')
    )
    assert settings.store == "s3://b"
    assert settings.flush_s == 3.0
    assert settings.storage_options == {"anon": True}


@pytest.mark.parametrize("where", ["XDG_CONFIG_HOME", "HOME"])
def test_file_is_read_from_its_usual_place(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv(where, str(tmp_path))
    folder = tmp_path if where == "XDG_CONFIG_HOME" else tmp_path / ".config"
    (folder / "stageline").mkdir(parents=True)
    (folder / "stageline" / "config.toml").write_text('user = "ada"')
    assert load_settings().user == "ada"


def test_environment_stands_above_the_file(tmp_path: Path) -> None:
    environment = config(tmp_path, 'user = "file"\nspool = "/file"')
    settings = load_settings({**environment, "STAGELINE_USER": "environment"})
    assert (settings.user, settings.spool) == ("environment", "/file")


def test_argument_stands_above_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGELINE_STORE", "memory://environment")
    monkeypatch.setenv("STAGELINE_USER", "environment")
    workspace = Workspace.open(tmp_path / "argument", flush_s=5.0)
    assert workspace.settings.store == str(tmp_path / "argument")
    assert workspace.settings.flush_s == 5.0
    assert workspace.settings.user == "environment"
    assert Workspace.open().settings.store == "memory://environment"


def test_empty_variable_is_as_good_as_none() -> None:
    assert load_settings({"STAGELINE_STORE": "", "STAGELINE_FLUSH_S": ""}) == Settings()


def test_other_variables_are_not_ours() -> None:
    assert load_settings({"STAGELINE_RUN_ID": "x", "STORE": "y"}) == Settings()


def test_folders_follow_the_desktops_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert Settings().spool_folder == tmp_path / ".local/state/stageline/spool"
    assert Settings().cache_folder == tmp_path / ".cache/stageline"
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert Settings().spool_folder == Path("/s/stageline/spool")
    assert Settings().cache_folder == Path("/c/stageline")
    assert Settings(spool="/a", cache="/b").spool_folder == Path("/a")
    assert Settings(spool="/a", cache="/b").cache_folder == Path("/b")


# -- what is wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("durability", "never"),
        ("flush_s", "soon"),
        ("flush_s", "-1"),
        ("flush_s", "nan"),
        ("flush_bytes", "1.5"),
        ("flush_bytes", "-1"),
        ("heartbeat_s", "-1"),
        ("stale_after_s", "nan"),
        ("stale_after_s", "-1"),
        ("end_timeout_s", "-0.1"),
        ("retry_for_s", "-1"),
        ("reach_for_s", "nan"),
    ],
)
def test_value_that_can_not_be_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        load_settings({f"STAGELINE_{name.upper()}": text})


@pytest.mark.parametrize("text", ["store = 5", "[store]", 'stor = "x"', 'storage_options = "x"'])
def test_file_that_says_what_can_not_be_is_refused_by_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a setting is wrong: .*stor"):
        load_settings(config(tmp_path, text))


@pytest.mark.parametrize("content", [b"store = ", b'store = "\xff"', b"\0"])
def test_file_that_is_no_toml_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.toml is not TOML"):
        load_settings({"STAGELINE_CONFIG": str(path)})


def test_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"STAGELINE_CONFIG names .*gone\.toml, which does not"):
        load_settings({"STAGELINE_CONFIG": str(tmp_path / "gone.toml")})


def test_file_that_can_not_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=rf"{tmp_path} can not be read"):
        load_settings({"STAGELINE_CONFIG": str(tmp_path)})


@pytest.mark.parametrize("text", ["secret=x", "[]", "5", '{"a": '])
def test_options_that_are_no_json_object_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="STAGELINE_STORAGE_OPTIONS should be a JSON object"):
        load_settings({"STAGELINE_STORAGE_OPTIONS": text})


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().store = "other"  # type: ignore[misc]


# -- secrets ------------------------------------------------------------------------------------------

SECRETIVE = [
    Settings(store="s3://b", storage_options=OPTIONS),
    Settings(store=f"sftp://me:{SECRET}@host/x"),
    Settings(store=f"https://host/x?token={SECRET}"),
    Settings(store=f"simplecache::ftp://me:{SECRET}@host/x"),
]


def shown_by_rich(value: Any) -> str:
    out = io.StringIO()
    rich.console.Console(file=out, width=200).print(rich.pretty.Pretty(value))
    return out.getvalue()


@pytest.mark.parametrize("show", [repr, str, "{}".format, shown_by_rich])
@pytest.mark.parametrize("settings", SECRETIVE, ids=["options", "password", "query", "chained"])
def test_secret_is_not_shown(settings: Settings, show: Any) -> None:
    assert SECRET not in show(settings)


def test_store_that_begins_with_its_secret_is_not_shown() -> None:
    assert SECRET not in repr(Settings(store=f"{SECRET}@host:/path"))


def test_what_is_shown_tells_which_store_and_which_options() -> None:
    shown = repr(SECRETIVE[0])
    assert "s3://b" in shown
    assert "'key', 'secret'" in shown


@pytest.mark.parametrize(
    "environment",
    [
        {"STAGELINE_STORAGE_OPTIONS": f'{{"secret": "{SECRET}"'},
        {"STAGELINE_STORAGE_OPTIONS": f'["{SECRET}"]'},
        {"STAGELINE_STORAGE_OPTIONS": f'{{"secret": "{SECRET}"}}', "STAGELINE_FLUSH_S": "x"},
        {"STAGELINE_STORE": f"sftp://me:{SECRET}@host/x", "STAGELINE_FLUSH_S": "x"},
    ],
)
def test_secret_is_in_no_error(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(environment)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'storage_options = "{SECRET}"',
        f'[storage_options]\nsecret = "{SECRET}',
        f'[storage_options]\nsecret = "{SECRET}"\nsecret = 1',
        f"[storage_options]\nsecret = {SECRET}",
        f'store = ["{SECRET}"]',
    ],
)
def test_secret_of_a_file_is_in_no_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(config(tmp_path, text))
    assert SECRET not in told(caught.value)


def told(error: BaseException | None) -> str:
    """All that a traceback would say."""
    assert error is not None
    return "".join(traceback.format_exception(error))


def test_secret_is_in_nothing_that_a_workspace_shows() -> None:
    workspace = Workspace.open(f"memory://{uuid.uuid4().hex}", storage_options={"secret": SECRET})
    assert SECRET not in repr(workspace)
    assert SECRET not in repr(workspace.settings)


def test_settings_travel_to_other_processes_whole() -> None:
    # A worker needs the options; hiding them is for eyes.
    back = pickle.loads(pickle.dumps(SECRETIVE[0]))
    assert back == SECRETIVE[0]
    assert msgspec.structs.replace(back, user="x").storage_options == OPTIONS


def test_infinity_may_be_waited_for() -> None:
    assert load_settings({"STAGELINE_END_TIMEOUT_S": "inf"}).end_timeout_s == math.inf
