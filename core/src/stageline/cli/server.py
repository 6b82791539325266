"""`stageline server`: a store over HTTP, by MLflow's REST protocol."""

from __future__ import annotations

from enum import Enum

import typer

from stageline.cli.session import session


class Durability(str, Enum):
    """What an answer promises."""

    LOG = "log"
    STORE = "store"


class Artifacts(str, Enum):
    """How clients send files."""

    PROXY = "proxy"
    DIRECT = "direct"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("server")(server)


def server(
    ctx: typer.Context,
    host: str = typer.Option("127.0.0.1", help="The address to listen on."),
    port: int = typer.Option(5000, "--port", "-p", min=0, max=65535, help="0: any that is free."),
    workers: int = typer.Option(1, "--workers", "-w", min=1, help="Processes that share the port."),
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
    drain: float | None = typer.Option(
        None, min=1, help="Seconds that requests have to end once the server was told to stop."
    ),
    allowed_host: list[str] = typer.Option(
        [], metavar="NAME", help="A further name that requests may come by; may be given again."
    ),
    no_auth: bool = typer.Option(
        False, "--no-auth", help="Listen beyond this machine though nobody is asked who they are."
    ),
) -> None:
    """Serve the store to clients of MLflow: Python, Java, R, and whatever logs to it.

    SIGTERM lets what was begun end, ships what was logged, and takes nothing new. Any number of servers may serve one
    store, and any of them may be killed.
    """
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
        Options(durability=durability.value, artifacts=artifacts.value, limits=limits),
        host=host,
        port=port,
        workers=workers,
        hosts=allowed_host,
        is_open=no_auth,
    )
