"""The registry takes the names that the field takes, and says what is wrong with the others."""

from __future__ import annotations

from typing import Any

import pytest

from stageline.domain.model import DEFAULT_STAGES
from stageline.domain.registry_names import (
    canonical_stage,
    check_alias,
    check_model_name,
    check_registry_tag,
    check_source,
    check_stages,
    check_version,
)
from stageline.errors import InvalidInput


@pytest.mark.parametrize("name", ["wine", "Wine quality 2", "a.b-c_d", "ÄÖ 酒", "x" * 256, "a@b"])
def test_model_names(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\t",
        "a/b",
        "a:b",
        "a\nb",
        "a\x00",
        ".",
        "..",
        "x" * 257,
        "\ud800",
        None,
        3,
        "/",
        ":",
    ],
)
def test_bad_model_names(name: Any) -> None:
    with pytest.raises(InvalidInput):
        check_model_name(name)


def test_model_name_is_composed() -> None:
    assert check_model_name("u\u0308ber") == "\u00fcber"


@pytest.mark.parametrize("alias", ["champion", "a_b-c", "1", "very", "V", "vx1", "x" * 255])
def test_aliases(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias", ["", "latest", "LATEST", "v3", "V12", "a b", "a/b", "@a", "a\n", "x" * 256, None, "é"]
)
def test_bad_aliases(alias: Any) -> None:
    with pytest.raises(InvalidInput):
        check_alias(alias)


@pytest.mark.parametrize(("given", "number"), [(1, 1), ("3", 3), (2**40, 2**40)])
def test_versions(given: Any, number: int) -> None:
    assert check_version(given) == number


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "v3", "", "1.0", None, "٣", "9" * 5000])
def test_bad_versions(version: Any) -> None:
    with pytest.raises(InvalidInput, match="'version' must be an integer"):
        check_version(version)


@pytest.mark.parametrize("stage", ["production", "PRODUCTION", "Production"])
def test_stage_in_any_case_comes_back_as_the_model_spells_it(stage: str) -> None:
    assert canonical_stage(stage, DEFAULT_STAGES) == "Production"


def test_unknown_stage_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="one of None, Staging, Production, Archived"):
        canonical_stage("Live", DEFAULT_STAGES)


@pytest.mark.parametrize(
    "stages",
    [[], ["a"], ["a", "A"], ["1", "b"], ["a/b", "c"], ["latest", "b"], ["v1", "b"], ["a ", "b"],
     "ab", ["x" * 51, "b"], [f"s{i}" for i in range(21)], [None, "b"]],
)  # fmt: skip
def test_bad_lists_of_stages(stages: Any) -> None:
    with pytest.raises(InvalidInput):
        check_stages(stages)


def test_tag_values_are_text() -> None:
    assert check_registry_tag("k", 3) == ("k", "3")
    assert check_registry_tag("k", "x" * 100_000)[1] == "x" * 100_000
    for value in ("x" * 100_001, ["a"], "\udfff"):
        with pytest.raises(InvalidInput):
            check_registry_tag("k", value)
    with pytest.raises(InvalidInput):
        check_registry_tag("../k", "x")


@pytest.mark.parametrize(
    "source", ["s3://b/m", "runs:/abc/model", "/data/m", "models:/a/1", "m-..-x", "file:///a b"]
)
def test_sources(source: str) -> None:
    assert check_source(source) == source


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "a/../b",
        "s3://b/%2e%2e/c",
        "a/%252e%252e/b",
        "a\\..\\b",
        "a\nb",
        "x" * 2049,
        "a%0ab",
    ],
)
def test_bad_sources(source: str) -> None:
    with pytest.raises(InvalidInput):
        check_source(source)
