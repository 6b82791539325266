"""`stageline registry show`: all there is to know of one model, or of one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stageline.cli.registry_naming import TARGET, document, find_model, find_version, is_version
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion, RegisteredModel

_NEWEST = 10


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(show)


def show(ctx: typer.Context, target: str = TARGET) -> None:
    """Show one model with its newest versions, policies and open requests, or one version."""
    here = session(ctx)
    if is_version(target):
        _show_version(here, find_version(here, target))
    else:
        _show_model(here, find_model(here, target))


def _show_model(here: Session, model: RegisteredModel) -> None:
    import msgspec

    from stageline.cli.registry_table import VersionTable

    desk = here.workspace.registry
    table = VersionTable.read(here, model, limit=_NEWEST)
    found = {stage: desk.get_policy(model.name, stage) for stage in model.stages}
    policies = {stage: policy for stage, policy in found.items() if policy is not None}
    pending = [request for _, request in desk.requests(model.name)]

    def print_page() -> None:
        from stageline.cli.render import clean
        from stageline.cli.tables import print_heading

        _print_model(model)
        for stage, policy in policies.items():
            demands = ", ".join(f"{key} {value}" for key, value in _demands(policy).items())
            print(f"policy      {stage}: {clean(demands)}")
        for one in pending:
            move = f"version {one.version}: {one.from_stage} -> {one.to_stage}"
            print(f"request     {one.number} by {clean(one.requested_by)}, {move}")
        print_heading("versions")
        table.print()

    here.answer(
        {
            **document(model),
            "policies": {stage: msgspec.to_builtins(policy) for stage, policy in policies.items()},
            "requests": [document(one) for one in pending],
            **table.document(),
        },
        print_page,
    )


def _demands(policy: object) -> dict[str, object]:
    """What a policy demands in short: how many rules, and all else that is not as it is by itself."""
    import msgspec

    document = msgspec.to_builtins(policy)
    rules = document.pop("rules", [])
    return {"rules": len(rules), **document}


def _print_model(model: RegisteredModel) -> None:
    from stageline.cli.render import clean, moment

    print(f"model       {clean(model.name)}")
    if model.description:
        print(f"about       {clean(model.description)}")
    print(f"stages      {', '.join(model.stages)}")
    print(f"created     {moment(model.creation_timestamp)}")
    print(f"changed     {moment(model.last_updated_timestamp)}")
    for alias, version in model.aliases.items():
        print(f"alias       @{alias}: version {version}")
    for key, value in sorted(model.tags.items()):
        print(f"tag         {clean(f'{key}={value}')}")


def _show_version(here: Session, version: ModelVersion) -> None:
    here.answer(document(version), lambda: _print_version(version))


def _print_version(version: ModelVersion) -> None:
    from stageline.cli.render import clean, moment, number

    print(f"version     {version.version} of {clean(version.name)}")
    print(f"stage       {version.current_stage}")
    if version.aliases:
        print(f"aliases     {', '.join(f'@{alias}' for alias in version.aliases)}")
    if version.description:
        print(f"about       {clean(version.description)}")
    print(f"source      {clean(version.source)}")
    if version.run_id:
        print(f"run         {version.run_id}")
    if version.run_link:
        print(f"page        {clean(version.run_link)}")
    print(f"registered  {moment(version.creation_timestamp)} by {clean(version.user_id)}")
    print(f"signature   {'present' if version.facts.has_signature else 'missing'}")
    if version.facts.digest:
        print(f"digest      {version.facts.digest}")
    for key, value in sorted(version.facts.metrics.items()):
        print(f"metric      {clean(key)} {number(value)}")
    for key, text in sorted(version.tags.items()):
        print(f"tag         {clean(f'{key}={text}')}")
    for deployed in version.deployments.values():
        where = f" ({deployed.url})" if deployed.url else ""
        print(f"runs at     {clean(deployed.target + where)}, since {moment(deployed.time)}")
    for remark in version.annotations:
        print(f"remark      {clean(f'{remark.by}, {moment(remark.time)}: {remark.text}')}")
