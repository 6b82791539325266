"""Options that every command which serves HTTP has: where it listens, and whom it believes."""

from __future__ import annotations

import typer

HOST = typer.Option("127.0.0.1", help="The address to listen on.")
PORT = typer.Option(5000, "--port", "-p", min=0, max=65535, help="0: any that is free.")
WORKERS = typer.Option(1, "--workers", "-w", min=1, help="Processes that share the port.")
ALLOWED_HOST = typer.Option(
    [], metavar="NAME", help="A further name that requests may come by; may be given again."
)
ALLOWED_ORIGIN = typer.Option(
    [], metavar="ORIGIN", help="A site whose pages may ask, in full; may be given again."
)
TRUSTED_PROXY = typer.Option(
    [], metavar="NETWORK", help="A proxy whose X-Forwarded headers are believed; the same."
)
AUTH = typer.Option(
    None,
    "--auth/--no-auth",
    help="Whether callers need a token. Beyond this machine one of the two has to be said.",
)
OIDC = typer.Option(
    None,
    metavar="FILE",
    help="An identity provider whose tokens are taken too; implies --auth.",
)
