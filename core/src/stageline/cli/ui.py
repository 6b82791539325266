"""`stageline ui`: the pages, and the server of `stageline server` behind them."""

from __future__ import annotations

from pathlib import Path

import typer

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
from stageline.cli.server import auth_options
from stageline.cli.session import session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ui")(ui)


def ui(
    ctx: typer.Context,
    host: str = HOST,
    port: int = PORT,
    workers: int = WORKERS,
    prefix: str = typer.Option(
        "", metavar="PATH", help="The path below which the pages lie, such as /stageline."
    ),
    frame_ancestor: list[str] = typer.Option(
        [],
        metavar="ORIGIN",
        help="Who may show pages within theirs: an origin, self or none; may be given again. Default: self.",
    ),
    allowed_host: list[str] = ALLOWED_HOST,
    allowed_origin: list[str] = ALLOWED_ORIGIN,
    trusted_proxy: list[str] = TRUSTED_PROXY,
    auth: bool | None = AUTH,
    oidc: Path | None = OIDC,
    open_browser: bool = typer.Option(False, "--open", help="Open the first page in a browser."),
) -> None:
    """Show experiments, runs, models and what waits for approval, as pages in a browser.

    It is the server of `stageline server` too: clients of MLflow may log to the same address.
    """
    from stageline.server.launch import serve
    from stageline.server.options import Options
    from stageline.ui.options import PageOptions, check_ancestors, check_installed, check_prefix

    check_installed()
    workspace = session(ctx).workspace
    pages = PageOptions(
        prefix=check_prefix(prefix), frame_ancestors=check_ancestors(frame_ancestor)
    )

    def opened(found_port: int) -> None:
        if open_browser:
            import webbrowser

            webbrowser.open(f"http://127.0.0.1:{found_port}{pages.prefix}/")

    serve(
        workspace.settings,
        workspace.store.url,
        Options(pages=pages, origins=tuple(allowed_origin), proxies=tuple(trusted_proxy)),
        host=host,
        port=port,
        workers=workers,
        hosts=allowed_host,
        auth=auth_options(auth, oidc, 0.0),
        is_open=auth is False,
        on_bound=opened,
    )
