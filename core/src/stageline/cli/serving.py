"""`stageline models serve`: a model over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stageline.cli.listening import ALLOWED_HOST, ALLOWED_ORIGIN, HOST, TRUSTED_PROXY
from stageline.cli.session import session

if TYPE_CHECKING:
    from stageline.workspace import Workspace


def serve(
    ctx: typer.Context,
    model: str = typer.Option(
        ...,
        "--model-uri",
        "-m",
        metavar="URI",
        help="The model: a folder, a URL, runs:/<run_id>/<path>, models:/<name>/<version, stage or latest>, "
        "models:/<name>@<alias>.",
    ),
    port: int = typer.Option(5001, "--port", "-p", min=0, max=65535, help="0: any that is free."),
    host: str = HOST,
    workers: int = typer.Option(
        1, "--workers", "-w", min=1, help="Processes, each with a copy of the model."
    ),
    follow: bool = typer.Option(
        False, "--follow", help="Serve whatever the stage, alias or latest version comes to be."
    ),
    every: float = typer.Option(
        5.0, min=0.1, help="Seconds between two looks at the registry, with --follow."
    ),
    threads: int | None = typer.Option(None, min=1, help="Predictions at once in a worker."),
    concurrency: int | None = typer.Option(
        None, min=1, help="Requests at once in a worker; the next one is told 429."
    ),
    max_bytes: int | None = typer.Option(
        None, min=1, help="Bytes of a request; a longer one is told 413."
    ),
    timeout: float | None = typer.Option(
        None,
        "--timeout",
        "-t",
        min=0.01,
        help="Seconds for a prediction; then the client is told 504.",
    ),
    drain: float | None = typer.Option(
        None, min=1, help="Seconds that requests have to end once the server was told to stop."
    ),
    allowed_host: list[str] = ALLOWED_HOST,
    allowed_origin: list[str] = ALLOWED_ORIGIN,
    trusted_proxy: list[str] = TRUSTED_PROXY,
    token_file: Path | None = typer.Option(
        None, help="Tokens, one a line: requests have to bring one. Or in STAGELINE_SERVING_TOKENS."
    ),
    flavor: str | None = typer.Option(None, help="Which of the model's flavors loads it."),
    allow_pickle: bool = typer.Option(
        False, "--allow-pickle", help="Let code of the model's author run: only if you trust them."
    ),
    trust: list[str] = typer.Option(
        [], metavar="TYPE", help="A type that the model may be made of; may be given again."
    ),
) -> None:
    """Serve a model by MLflow's scoring protocol.

    Answers on /invocations, /ping, /health and /version, and describes itself on /docs. SIGTERM lets what was begun
    end, and takes nothing new.
    """
    from stageline.models.trust import Trust
    from stageline.serving.launch import serve as launch
    from stageline.serving.order import Limits
    from stageline.serving.tokens import read_tokens

    workspace = session(ctx).workspace
    given = {
        "threads": threads, "concurrency": concurrency, "max_bytes": max_bytes, "timeout_s": timeout, "drain_s": drain
    }  # fmt: skip
    limits = Limits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    launch(
        Source(workspace),
        model,
        host=host,
        port=port,
        workers=workers,
        limits=limits,
        flavor=flavor,
        trust=Trust(
            allow_pickle=allow_pickle or workspace.settings.allow_pickle, trusted_types=tuple(trust)
        ),
        hosts=allowed_host,
        origins=allowed_origin,
        proxies=trusted_proxy,
        tokens=read_tokens(token_file),
        follow_s=every if follow else None,
    )


class Source:
    """A workspace's models."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def version_of(self, uri: str) -> int:
        return self._workspace.registry.get_by_uri(uri).version

    def fetch(self, uri: str, dst: Path | None) -> Path:
        return self._workspace.models.fetch(uri, dst)
