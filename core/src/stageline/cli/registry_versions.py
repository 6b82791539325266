"""`stageline registry versions`, `register` and `best`: the versions of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stageline.cli.pairs import parse_pairs
from stageline.cli.registry_naming import ACTOR, NAME, document, find_model, label, registry
from stageline.cli.session import Session, session
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion
    from stageline.registry.registry import Registry


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(versions)
    app.command("register")(register_version)
    app.command()(best)


def versions(
    ctx: typer.Context,
    name: str = NAME,
    stage: str = typer.Option(
        "", help="Whose gate and holder to compare with; default: the last one before the archive."
    ),
    metric: str = typer.Option(
        "",
        metavar="KEY",
        help="The metric to show; default: the one that the stage's policy names.",
    ),
    limit: int = typer.Option(20, min=1, help="The newest so many."),
) -> None:
    """List a model's versions, the newest first: stage, gate, metric beside that of what is in Production."""
    from stageline.cli.registry_table import VersionTable

    here = session(ctx)
    table = VersionTable.read(here, find_model(here, name), stage=stage, metric=metric, limit=limit)
    here.answer(table.document(), table.print)


def register_version(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="The model; it is made if need be."),
    run: str = typer.Option(
        "", metavar="RUN", help="The run that logged it, by id, beginning of an id, or name."
    ),
    path: str = typer.Option("model", help="Where in the run's artifacts the model is."),
    source: str = typer.Option(
        "", "--from", metavar="URI", help="runs:/<run>/<path>, models:/..., a folder or a URL."
    ),
    tags: list[str] = typer.Option(
        [], "--tag", metavar="KEY=VALUE", help="A tag of the version; may be repeated."
    ),
    description: str = typer.Option("", help="What is new in it, for people."),
    actor: str = ACTOR,
) -> None:
    """Register a version of a run's model, or of any folder.

    The same files of the same run again are the version that there is.
    """
    here = session(ctx)
    if bool(run) == bool(source):
        raise InvalidInput("say where the model is: either --run RUN [--path model], or --from URI")
    desk = registry(here, actor)
    run_id, artifact_path, place = (
        _of_run(here, run, path) if run else _of_source(here, desk, source)
    )
    made = desk.register(
        name, run_id, artifact_path, place, tags=parse_pairs(tags), description=description
    )
    here.say(
        {**document(made), "model_uri": f"models:/{made.name}/{made.version}"},
        f"{made.source} is {label(made)}, in {made.current_stage}",
    )


def best(
    ctx: typer.Context,
    name: str = NAME,
    metric: str = typer.Argument(metavar="METRIC", help="A metric of the versions' runs."),
    direction: str = typer.Option(
        "",
        metavar="min|max",
        help="Which is better; default: as a policy's rule `better` says of the metric.",
    ),
    stages: list[str] = typer.Option(
        [], "--stage", metavar="STAGE", help="Only of this stage; may be repeated."
    ),
) -> None:
    """Tell the version with the best value of a metric, as the runs have it now."""
    from stageline.cli.render import number

    here = session(ctx)
    model = find_model(here, name)
    desk = registry(here)
    chosen = direction or _direction(desk, model.name, model.stages, metric)
    if chosen not in ("min", "max"):
        raise InvalidInput(f"--direction {chosen!r}: expected min or max, whichever is better")
    found = desk.best_version(
        model.name, metric, "min" if chosen == "min" else "max", stages=stages or None
    )
    value = desk.facts_of(found).metrics[metric]
    text = f"{label(found)}, in {found.current_stage}: {metric} {number(value)}"
    here.say({**document(found), "metric": metric, "value": value}, text)


def _of_run(here: Session, run: str, path: str) -> tuple[str, str, None]:
    from stageline.cli.finding import find_run

    return find_run(here.workspace, run), path, None


def _of_source(
    here: Session, desk: Registry, uri: str
) -> tuple[str | None, str | None, str | None]:
    """Run, path and place of what a URI names. A path of this disk is told whole, or it would mean another later."""
    from stageline.models.uri import (
        LoggedModelId,
        Place,
        RegisteredVersion,
        RunModel,
        parse_model_uri,
    )

    match parse_model_uri(uri):
        case RunModel(run_id, path):
            return run_id, path, None
        case LoggedModelId(model_id):
            found = here.workspace.logged_models.resolve(model_id)
            return (None, None, found) if isinstance(found, str) else (*found, None)
        case RegisteredVersion():
            known: ModelVersion = desk.get_by_uri(uri)
            return known.run_id, known.artifact_path, known.source
        case Place(url):
            is_url = "://" in url
            if not is_url and not Path(url).is_dir():
                raise InvalidInput(
                    f"{url!r} is no folder here, and no URL: --from names a model's folder"
                )
            return None, None, url if is_url else str(Path(url).resolve())


def _direction(desk: Registry, name: str, stages: tuple[str, ...], metric: str) -> str:
    from stageline.registry import BetterRule

    for stage in reversed(stages):
        policy = desk.get_policy(name, stage)
        for rule in policy.rules if policy else ():
            if isinstance(rule, BetterRule) and rule.metric == metric:
                return rule.direction
    raise InvalidInput(
        f"nothing says whether a smaller or a greater {metric!r} is better: add --direction min or --direction max"
    )
