"""`stageline models`: what is done with a model once it is there."""

from __future__ import annotations

import typer

from stageline.cli import model_show, predicting, serving

app = typer.Typer(no_args_is_help=True, help="Show, check, serve models, and predict by them.")
app.command()(serving.serve)
app.command()(predicting.predict)
app.command()(model_show.show)
app.command()(model_show.verify)
