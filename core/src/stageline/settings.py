"""Settings: read once from the environment and an optional file, never written anywhere.

Order of precedence: argument, environment (`STAGELINE_*`), the file named by `STAGELINE_CONFIG`
(or `~/.config/stageline/config.toml`), default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_STORE = "./mlstore"

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set. The name of each in the environment is `STAGELINE_` and its name in capitals."""

    store: str = DEFAULT_STORE
    """URL or path of the store."""
    storage_options: dict[str, Any] = {}
    """Passed to fsspec; may hold credentials, so it is never shown or stored. JSON in the environment."""
    durability: Literal["os", "fsync"] = "os"
    """`os`: what was logged survives the death of the process. `fsync`: of the machine, for a disk flush a call."""
    flush_s: Seconds = 10.0
    """Seconds between shipments of a run's records to a remote store."""
    flush_bytes: Annotated[int, msgspec.Meta(ge=0)] = 1 << 20
    """Bytes of records that are shipped without waiting for the time to come."""
    heartbeat_s: Seconds = 30.0
    """Seconds between signs of life of an open run."""
    stale_after_s: Seconds = 300.0
    """Seconds without a sign of life after which a run counts as vanished."""
    end_timeout_s: Seconds = 60.0
    """Seconds that the end of a run waits for a store that is away, before `stageline sync` has to ship the rest."""
    retry_for_s: Seconds = 30.0
    """Seconds that a request is repeated which a remote store refused in passing, or did not answer."""
    reach_for_s: Seconds = 5.0
    """The same for a store that has not answered yet, or did not the last time; one try may take longer."""
    spool: str = ""
    """Folder for what has not been shipped yet; default `$XDG_STATE_HOME/stageline/spool`."""
    cache: str = ""
    """Folder for the search cache; default `$XDG_CACHE_HOME/stageline`."""
    allow_pickle: bool = False
    """Whether a model that is a pickle, or brings code, may be loaded: that runs whatever its author put into it."""
    webhook_keys: str = ""
    """Keys (Fernet's, separated by commas) that webhooks' secrets are encrypted with: by the first, opened by any."""
    webhook_allow: str = ""
    """Hosts and networks, separated by commas, that webhooks may be sent to though their addresses are not public."""
    webhook_ports: str = "443,8443"
    """Ports that webhooks may be sent to."""
    webhook_http: bool = False
    """Whether webhooks may be sent by http, which everybody between can read and change."""
    webhook_timeout_s: Seconds = 10.0
    """Seconds that one request to a webhook may take, all in all."""
    webhook_attempts: Annotated[int, msgspec.Meta(ge=1)] = 10
    """How often a webhook is told the same before it is given up."""
    server_url: str = ""
    """URL of a server that speaks MLflow's protocol for this store; MLflow's client in a project is sent there."""
    ui_url: str = ""
    """URL of pages that show this store; what an orchestrator shows of a run leads to `<ui_url>/runs/<run_id>`."""
    user: str = ""
    """Who is recorded as the runs' user; default: the login name."""

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self._shown())}, ...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # msgspec's own shows everything.
        return list(self._shown())

    def _shown(self) -> Iterator[tuple[str, Any]]:
        protocol, separator, _ = self.store.partition("://")
        # Either may carry a password; what exactly is told by storage.redaction, which lies above this.
        is_secret = "@" in self.store or "?" in self.store
        hidden = f"{protocol}{separator}***" if separator else "***"
        yield "store", hidden if is_secret else self.store
        yield "storage_options", sorted(self.storage_options)

    @property
    def spool_folder(self) -> Path:
        """Where write-ahead logs for remote stores lie."""
        return (
            Path(self.spool)
            if self.spool
            else _xdg("XDG_STATE_HOME", ".local/state") / "stageline" / "spool"
        )

    @property
    def cache_folder(self) -> Path:
        """Where search projections lie; deleting it costs nothing but time."""
        return Path(self.cache) if self.cache else _xdg("XDG_CACHE_HOME", ".cache") / "stageline"


# Looked at here and once: two threads that first do so at the same time can crash msgspec (see domain.document).
msgspec.json.Decoder(Settings)


def load_settings(
    environment: Mapping[str, str] = os.environ, given: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from the environment and the file; what is `given` by name stands above both.

    Raises:
        InvalidInput: a setting has a value that it can not have, or the file a name that is no setting.
    """
    chosen = _from_file(environment)
    for field in msgspec.structs.fields(Settings):
        name = f"STAGELINE_{field.name.upper()}"
        if environment.get(name):
            chosen[field.name] = _parsed(name, environment[name], field.type)
    try:
        return msgspec.convert({**chosen, **(given or {})}, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"a setting is wrong: {error}; see the list of settings in the documentation"
        ) from error


def _parsed(name: str, text: str, into: Any) -> Any:
    if into != dict[str, Any]:
        return text
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        # The text may hold a secret, so it is not shown, and neither is the parser's view of it.
        raise InvalidInput(f'{name} should be a JSON object such as {{"anon": true}}') from None


def _from_file(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get("STAGELINE_CONFIG")
    path = (
        Path(named) if named else _xdg("XDG_CONFIG_HOME", ".config") / "stageline" / "config.toml"
    )
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if named:
            raise InvalidInput(f"STAGELINE_CONFIG names {path}, which does not exist") from None
        return {}
    except OSError as error:
        raise InvalidInput(f"the settings file {path} can not be read: {error.strerror}") from error
    try:
        return msgspec.toml.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the settings file {path} is not TOML: {error}") from None


def _xdg(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default)
