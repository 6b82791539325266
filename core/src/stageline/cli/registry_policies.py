"""`stageline registry policy`: what a stage demands, as YAML or JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.registry_naming import ACTOR, COMMENT, NAME, STAGE, find_model, registry
from stageline.cli.session import Session, session
from stageline.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from stageline.domain.policy import Policy

app = typer.Typer(no_args_is_help=True, help="What a stage demands of the versions that enter it.")


@app.command()
def show(
    ctx: typer.Context,
    name: str = NAME,
    stage: str = typer.Argument("", metavar="[STAGE]", help="Only of this stage; default: of all."),
) -> None:
    """Show policies in the form that `policy set` takes."""
    here = session(ctx)
    model = find_model(here, name)
    if stage:
        policy = here.workspace.registry.get_policy(model.name, stage)
        here.answer(
            _plain(policy), lambda: _print(policy, f"{stage} of {model.name!r} has no policy")
        )
        return
    found = {one: here.workspace.registry.get_policy(model.name, one) for one in model.stages}
    known = {one: policy for one, policy in found.items() if policy is not None}
    here.answer({one: _plain(policy) for one, policy in known.items()}, lambda: _print_all(known))


@app.command("set")
def set_policy(
    ctx: typer.Context,
    name: str = NAME,
    stage: str = STAGE,
    file: Path = typer.Argument(
        metavar="FILE", help="The policy, as YAML or JSON; - reads it from standard input."
    ),
    allow_unknown: bool = typer.Option(
        False,
        "--allow-unknown",
        help="Accept a metric that none of the versions' runs has, and a check not installed.",
    ),
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Set what a stage demands from now on. What is in the stage stays there."""
    from stageline.registry import parse_policy

    here = session(ctx)
    model = find_model(here, name)
    policy = parse_policy(_read(file))
    registry(here, actor).set_policy(
        model.name, stage, policy, allow_unknown=allow_unknown, reason=comment or None
    )
    _say(here, model.name, stage, "set the policy of")
    if policy.metrics and not model.latest_versions and not here.as_json:
        named = ", ".join(sorted(policy.metrics))
        print(f"no version has been measured yet: {named} is taken as it is spelt", file=sys.stderr)


@app.command()
def delete(
    ctx: typer.Context,
    name: str = NAME,
    stage: str = STAGE,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Demand nothing of a stage any more."""
    here = session(ctx)
    model = find_model(here, name)
    registry(here, actor).set_policy(model.name, stage, None, reason=comment or None)
    _say(here, model.name, stage, "removed the policy of")


def _say(here: Session, name: str, stage: str, done: str) -> None:
    policy = here.workspace.registry.get_policy(name, stage)
    answer = {"name": name, "stage": stage, "policy": _plain(policy)}
    here.say(answer, f"{done} {stage} of {name!r}")


def _read(file: Path) -> Any:
    """The document in a file. JSON is YAML too, so the name does not matter."""
    from stageline.models.safe_yaml import read_yaml

    what = "standard input" if str(file) == "-" else str(file)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{what} can not be read: {error.strerror}") from error
    try:
        return read_yaml(data, what)
    except Corrupt as error:
        raise InvalidInput(f"Invalid policy: {error}") from error


def _plain(policy: Policy | None) -> Any:
    import msgspec

    return None if policy is None else msgspec.to_builtins(policy)


def _print(policy: Policy | None, otherwise: str) -> None:
    from stageline.models.safe_yaml import write_yaml

    print(otherwise if policy is None else write_yaml(_plain(policy)).rstrip() or "{}")


def _print_all(known: dict[str, Policy]) -> None:
    if not known:
        print("no stage has a policy")
    for stage, policy in known.items():
        print(f"# {stage}")
        _print(policy, "")
