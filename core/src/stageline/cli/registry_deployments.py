"""`stageline registry deployments`: which version runs where."""

from __future__ import annotations

import typer

from stageline.cli.registry_naming import (
    ACTOR,
    VERSION,
    document,
    find_model,
    find_version,
    label,
    registry,
)
from stageline.cli.session import session

app = typer.Typer(no_args_is_help=True, help="Which version runs where.")

_TARGET = typer.Argument(
    metavar="TARGET", help="An endpoint, a cluster, a fleet: whatever runs one version at a time."
)


@app.command("list")
def list_deployments(
    ctx: typer.Context,
    name: str = typer.Argument("", metavar="[NAME]", help="Only of this model; default: of all."),
) -> None:
    """List where versions run."""
    from stageline.cli.render import ago
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    desk = here.workspace.registry
    known = desk.versions(find_model(here, name).name) if name else desk.search_model_versions()
    found = [(one, deployed) for one in known for deployed in one.deployments.values()]
    found.sort(key=lambda pair: (pair[0].name, pair[1].target))
    now = here.workspace.clock.now_ms()

    def show() -> None:
        if not found:
            print("no version is deployed")
            return
        rows = [
            [one.name, str(one.version), one.current_stage, d.target, d.url, d.by, ago(d.time, now)]
            for one, d in found
        ]
        columns = [
            Column("model", shrinks=False),
            Column("version", True, shrinks=False),
            Column("stage"),
            Column("target", shrinks=False),
            Column("url"),
            Column("by"),
            Column("since"),
        ]
        print_table(columns, rows)

    answer = [
        {"name": one.name, "version": one.version, "stage": one.current_stage, **document(d)}
        for one, d in found
    ]
    here.answer({"deployments": answer}, show)


@app.command("set")
def set_deployment(
    ctx: typer.Context,
    uri: str = VERSION,
    target: str = _TARGET,
    url: str = typer.Option("", help="Where it answers."),
    link: str = typer.Option("", help="A page about the deployment."),
    actor: str = ACTOR,
) -> None:
    """Record that a version runs at a target, and that no other one does."""
    here = session(ctx)
    found = find_version(here, uri)
    changed = registry(here, actor).set_deployment(
        found.name, found.version, target, url=url, link=link or None
    )
    here.say(document(changed), f"{label(changed)} runs at {target}")


@app.command()
def delete(
    ctx: typer.Context, uri: str = VERSION, target: str = _TARGET, actor: str = ACTOR
) -> None:
    """Record that a version no longer runs at a target."""
    here = session(ctx)
    found = find_version(here, uri)
    changed = registry(here, actor).delete_deployment(found.name, found.version, target)
    here.say(document(changed), f"{label(changed)} no longer runs at {target}")
