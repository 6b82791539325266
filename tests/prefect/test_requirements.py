"""What prefect-stageline asks of Prefect's own dependencies is asked no longer than Prefect needs it."""

from __future__ import annotations

from importlib.metadata import requires, version

import pytest
from packaging.requirements import Requirement

EXCLUDED = {"fastapi": "0.151", "sqlalchemy": "2.1"}
"""The first version of each that Prefect allows and does not work with."""


def specifiers(distribution: str) -> dict[str, Requirement]:
    asked = [Requirement(one) for one in requires(distribution) or ()]
    return {one.name.lower(): one for one in asked if one.marker is None}


@pytest.mark.parametrize("name", EXCLUDED)
def test_bound_keeps_out_what_prefect_does_not_work_with(name: str) -> None:
    assert EXCLUDED[name] not in specifiers("prefect-stageline")[name].specifier


@pytest.mark.parametrize("name", EXCLUDED)
def test_bound_is_still_needed(name: str) -> None:
    assert EXCLUDED[name] in specifiers("prefect")[name].specifier, (
        f"Prefect keeps {name} {EXCLUDED[name]} out by itself now: take the bound out of integrations/prefect"
    )
    assert version("prefect") == "3.8.8", (
        f"Another Prefect: try a flow and a scheduled deployment with {name} {EXCLUDED[name]}. If both run, take the "
        "bound out of integrations/prefect and constraints/prefect.in; if not, name this version here"
    )
