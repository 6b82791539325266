"""Names that are invented, and names that are made from a template."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.run_names import (
    ADJECTIVES,
    MAX_RUN_NAME_LENGTH,
    NOUNS,
    invented_name,
    render_name,
)


@given(st.binary(min_size=0, max_size=16))
def test_invented_name_is_adjective_noun_and_number(noise: bytes) -> None:
    adjective, noun, number = invented_name(noise).split("-")
    assert adjective in ADJECTIVES
    assert noun in NOUNS
    assert 0 <= int(number) < 1000


def test_every_word_comes_up_and_names_are_many() -> None:
    names = {invented_name(n.to_bytes(6, "big")) for n in range(len(ADJECTIVES) * len(NOUNS))}
    assert len(names) == len(ADJECTIVES) * len(NOUNS) >= 10_000
    assert {name.split("-")[0] for name in names} == set(ADJECTIVES)


def test_words_are_unlike_each_other() -> None:
    assert len({*ADJECTIVES, *NOUNS}) == len(ADJECTIVES) + len(NOUNS)
    assert all(re.fullmatch("[a-z]{3,9}", word) for word in (*ADJECTIVES, *NOUNS))


def test_fields_are_filled_in() -> None:
    fields = {
        "user": "ann",
        "experiment": "wine",
        "date": "2026-01-02",
        "time": "03:04",
        "run_id": "a1",
    }
    template = "{user}/{experiment} {date} {time} {run_id}"
    assert render_name(template, fields) == "ann/wine 2026-01-02 03:04 a1"


def test_params_of_any_name_are_fields() -> None:
    assert render_name("lr={model.lr} {n est}", {"model.lr": 0.1, "n est": 3}) == "lr=0.1 3"


def test_what_is_no_field_stays() -> None:
    for text in ("{unknown}", "{", "}", "{}", "{{user}", "{0!r}", "{a.__class__}", "100 %"):
        assert render_name(text, {"a": 1}) == text


def test_value_is_not_taken_for_a_template() -> None:
    assert render_name("{a}{b}", {"a": "{b}", "b": "x"}) == "{b}x"


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text()))
def test_result_is_one_line_of_bounded_length(template: str, fields: dict[str, str]) -> None:
    name = render_name(template + "{user}", {"user": "x\ny\u2028" * 100, **fields})
    assert len(name.splitlines()) <= 1
    assert len(name) <= MAX_RUN_NAME_LENGTH
    assert name == name.strip()
