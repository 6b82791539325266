"""`stageline registry`: its commands, each in a file of its own beside this one, and here the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stageline.cli import (
    registry_aliases,
    registry_copy,
    registry_deployments,
    registry_follow,
    registry_history,
    registry_models,
    registry_policies,
    registry_requests,
    registry_show,
    registry_stages,
    registry_versions,
    registry_webhooks,
)
from stageline.cli.registry_naming import document
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.model import RegisteredModel
    from stageline.domain.page import Page

app = typer.Typer(
    no_args_is_help=True, help="Registered models: versions, stages, gates, requests, history."
)


@app.command("list")
def list_models(
    ctx: typer.Context,
    filter_string: str = typer.Option(
        "", "--filter", help="Such as \"name LIKE 'churn%' and tags.team = 'blue'\"."
    ),
    order_by: list[str] = typer.Option(
        [], "--order-by", help="Such as 'last_updated_timestamp DESC'; by name if not given."
    ),
    limit: int = typer.Option(100, min=1, max=1000, help="At most so many."),
) -> None:
    """List registered models, with their latest version and what is in which stage."""
    here = session(ctx)
    found = here.workspace.registry.search_registered_models(filter_string, limit, order_by)
    answer = {"models": [document(model) for model in found], "has_more": found.token is not None}
    here.answer(answer, lambda: _print_page(here, found))


# Commands and groups of other files: a line each.
for _part in (
    registry_show,
    registry_models,
    registry_versions,
    registry_stages,
    registry_requests,
    registry_history,
    registry_follow,
    registry_copy,
):
    _part.register(app)
app.add_typer(registry_aliases.app, name="alias")
app.add_typer(registry_policies.app, name="policy")
app.add_typer(registry_deployments.app, name="deployments")
app.add_typer(registry_webhooks.app, name="webhooks")


def _print_page(here: Session, found: Page[RegisteredModel]) -> None:
    from stageline.cli.render import ago
    from stageline.cli.tables import Column, print_table

    if not found:
        print(f"no such models in {here.workspace.store.url}")
        return
    now = here.workspace.clock.now_ms()
    rows = [
        [
            model.name,
            str(max((one.version for one in model.latest_versions), default="")),
            ", ".join(
                f"{one.current_stage} {one.version}"
                for one in model.latest_versions
                if one.current_stage != model.stages[0]
            ),
            ", ".join(f"@{alias} {number}" for alias, number in model.aliases.items()),
            ago(model.last_updated_timestamp, now),
            ", ".join(f"{key}={value}" for key, value in sorted(model.tags.items())),
        ]
        for model in found
    ]
    columns = [
        Column("name", shrinks=False),
        Column("latest", True, shrinks=False),
        Column("stages", shrinks=False),
        Column("aliases"),
        Column("changed"),
        Column("tags"),
    ]
    print_table(columns, rows)
    if found.token is not None:
        print(f"\nthe first {len(found)}; there are more: --limit, or narrow them with --filter")
