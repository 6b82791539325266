"""`stageline export`: what the store holds, taken elsewhere."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Take elsewhere what the store holds.")
