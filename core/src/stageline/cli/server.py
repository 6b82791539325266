"""`stageline server`: a store over HTTP, by MLflow's REST protocol."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stageline.cli import server_tokens
from stageline.cli.listening import (
    ALLOWED_HOST,
    ALLOWED_ORIGIN,
    AUTH,
    HOST,
    OIDC,
    PORT,
    TRUSTED_PROXY,
    WORKERS,
)
from stageline.cli.session import session

if TYPE_CHECKING:
    from stageline.server.auth.options import AuthOptions


class Durability(str, Enum):
    """What an answer promises."""

    LOG = "log"
    STORE = "store"


class LogFormat(str, Enum):
    """How requests are written down."""

    JSON = "json"
    TEXT = "text"


class Artifacts(str, Enum):
    """How clients send files."""

    PROXY = "proxy"
    DIRECT = "direct"


app = typer.Typer(invoke_without_command=True)
app.add_typer(server_tokens.app, name="tokens")


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.add_typer(app, name="server")


@app.callback()
def server(
    ctx: typer.Context,
    host: str = HOST,
    port: int = PORT,
    workers: int = WORKERS,
    durability: Durability = typer.Option(
        Durability.LOG,
        help="What an answer promises: records are in a log on this disk, or in the store.",
    ),
    artifacts: Artifacts = typer.Option(
        Artifacts.PROXY,
        help="proxy: clients send files through the server; direct: they are told where in the store.",
    ),
    threads: int | None = typer.Option(
        None, min=1, help="Requests of a worker that ask the store at once."
    ),
    concurrency: int | None = typer.Option(
        None, min=1, help="Requests at once in a worker; the next one is told 429."
    ),
    max_bytes: int | None = typer.Option(
        None, min=1, help="Bytes of a request; a longer one is told 413."
    ),
    max_artifact_bytes: int | None = typer.Option(None, min=1, help="Bytes of a file; the same."),
    open_runs: int | None = typer.Option(None, min=1, help="Runs that a worker keeps open."),
    log_format: LogFormat | None = typer.Option(
        None, help="Write a line for each request to stderr; json: all of the log for programs."
    ),
    drain: float | None = typer.Option(
        None, min=1, help="Seconds that requests have to end once the server was told to stop."
    ),
    allowed_host: list[str] = ALLOWED_HOST,
    allowed_origin: list[str] = ALLOWED_ORIGIN,
    trusted_proxy: list[str] = TRUSTED_PROXY,
    auth: bool | None = AUTH,
    oidc: Path | None = OIDC,
    rate: float = typer.Option(
        0.0, min=0, help="Requests a second that one token may send to a worker; 0: any number."
    ),
) -> None:
    """Serve the store to clients of MLflow: Python, Java, R, and whatever logs to it.

    SIGTERM lets what was begun end, ships what was logged, and takes nothing new. Any number of servers may serve one
    store, and any of them may be killed.
    """
    if ctx.invoked_subcommand is not None:
        return
    from stageline.server.launch import serve
    from stageline.server.options import Limits, Options

    workspace = session(ctx).workspace
    given = {
        "threads": threads, "concurrency": concurrency, "max_bytes": max_bytes,
        "max_artifact_bytes": max_artifact_bytes, "open_runs": open_runs, "drain_s": drain,
    }  # fmt: skip
    chosen = {name: value for name, value in given.items() if value is not None}
    limits = Limits(**chosen)  # type: ignore[arg-type]
    serve(
        workspace.settings,
        workspace.store.url,
        Options(
            durability=durability.value,
            artifacts=artifacts.value,
            limits=limits,
            log_format=None if log_format is None else log_format.value,
            origins=tuple(allowed_origin),
            proxies=tuple(trusted_proxy),
        ),
        host=host,
        port=port,
        workers=workers,
        hosts=allowed_host,
        auth=auth_options(auth, oidc, rate),
        is_open=auth is False,
    )


def auth_options(wanted: bool | None, oidc: Path | None, rate: float) -> AuthOptions | None:
    """How callers say who they are; None to ask nobody. Raises `InvalidInput`."""
    from stageline.errors import InvalidInput
    from stageline.server.auth.issuer import read_issuer
    from stageline.server.auth.options import AuthOptions, session_key

    if wanted is False and (oidc is not None or rate):
        raise InvalidInput("--no-auth asks nobody who they are: leave out --oidc and --rate")
    if not wanted and oidc is None and not rate:
        return None
    issuer = None if oidc is None else read_issuer(oidc)
    burst = max(rate, 10.0)
    return AuthOptions(session_key=session_key(), issuer=issuer, rate_per_s=rate, burst=burst)
