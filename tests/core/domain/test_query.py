"""The search language: what is accepted, what it is read as, and how a refusal helps."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.query import (
    EXPERIMENTS,
    MAX_CLAUSES,
    MAX_FILTER_LENGTH,
    RUNS,
    Comparison,
    Entity,
    Operator,
    OrderBy,
    parse_filter,
    parse_order_by,
)
from stageline.errors import InvalidInput

VOCABULARIES = {"runs": RUNS, "experiments": EXPERIMENTS}


def cases(kind: str, *verdicts: str) -> list[tuple[str, str]]:
    """(vocabulary, text) for each line below the headings that name `kind` and one of `verdicts`."""
    found, heading = [], ""
    for line in Path(__file__).with_name("search_cases.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            heading = line[3:]
        elif line and any(heading.endswith(f" {kind}, {verdict}") for verdict in verdicts):
            text = line.replace("\\n", "\n").replace("\\t", "\t").replace("·", " ")
            found.append((heading.split()[0], text))
    return found


@pytest.mark.parametrize(
    ("subject", "text"), cases("filter", "both accept", "only Stageline accepts")
)
def test_filter_is_accepted(subject, text):
    parse_filter(text, VOCABULARIES[subject])


@pytest.mark.parametrize(("subject", "text"), cases("filter", "both refuse", "only MLflow accepts"))
def test_filter_is_refused(subject, text):
    with pytest.raises(InvalidInput, match="Invalid"):
        parse_filter(text, VOCABULARIES[subject])


@pytest.mark.parametrize(
    ("subject", "text"), cases("order_by", "both accept", "only Stageline accepts")
)
def test_order_by_is_accepted(subject, text):
    parse_order_by([text], VOCABULARIES[subject])


@pytest.mark.parametrize(
    ("subject", "text"), cases("order_by", "both refuse", "only MLflow accepts")
)
def test_order_by_is_refused(subject, text):
    with pytest.raises(InvalidInput, match="Invalid"):
        parse_order_by([text], VOCABULARIES[subject])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.a > 1", Comparison(Entity.METRIC, "a", Operator.GT, 1.0)),
        ("metrics.`a b` <= -1.5e-3", Comparison(Entity.METRIC, "a b", Operator.LE, -0.0015)),
        ("params.'p.q' like '%x'", Comparison(Entity.PARAM, "p.q", Operator.LIKE, "%x")),
        ("tag.a.b = 'it''s'", Comparison(Entity.TAG, "a.b", Operator.EQ, "it''s")),
        ("tags.a is  null", Comparison(Entity.TAG, "a", Operator.IS_NULL, None)),
        ("Created > 7", Comparison(Entity.ATTRIBUTE, "start_time", Operator.GT, 7)),
        ("`Run Name` = 'x'", Comparison(Entity.ATTRIBUTE, "run_name", Operator.EQ, "x")),
        ("end_time > 1" + "0" * 30, Comparison(Entity.ATTRIBUTE, "end_time", Operator.GT, 1e30)),
        (
            "run_id not\tin ('a', \"b\\n\",)",
            Comparison(Entity.ATTRIBUTE, "run_id", Operator.NOT_IN, ("a", "b\\n")),
        ),
    ],
)
def test_filter_is_read_as_values(text, expected):
    [comparison] = parse_filter(text, RUNS)

    assert comparison == expected
    assert type(comparison.value) is type(expected.value)


@pytest.mark.parametrize("text", [None, "", "AND"])
def test_no_comparison_matches_everything(text):
    assert parse_filter(text, RUNS) == ()


def test_order_by_is_read_as_values():
    orderings = parse_order_by(["created desc", "metrics.`a b`", "tags.x ASC"], RUNS)

    assert orderings == (
        OrderBy(Entity.ATTRIBUTE, "start_time", ascending=False),
        OrderBy(Entity.METRIC, "a b", ascending=True),
        OrderBy(Entity.TAG, "x", ascending=True),
    )


@pytest.mark.parametrize("items", [None, [], ()])
def test_no_ordering_is_left_to_the_caller(items):
    assert parse_order_by(items, RUNS) == ()


def test_runs_refuse_one_key_ordered_twice_under_any_spelling():
    with pytest.raises(InvalidInput, match="duplicate fields"):
        parse_order_by(["created", "start_time DESC"], RUNS)


def test_experiments_allow_one_key_ordered_twice():
    assert len(parse_order_by(["name", "name DESC"], EXPERIMENTS)) == 2


def test_empty_ordering_is_refused():
    with pytest.raises(InvalidInput, match="the end of the text at position 0"):
        parse_order_by([""], RUNS)


def test_order_by_must_be_a_list():
    with pytest.raises(InvalidInput, match=r"expected a list such as \['name'\]"):
        parse_order_by("name", EXPERIMENTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metrics.a > 1 OR metrics.b > 2",
            r"Invalid clause\(s\) in filter string: 'OR metrics.b > 2' at position 14. Expected AND",
        ),
        ("metrics.a > 1 AND statsu = 'x'", r"'statsu' at position 18.* Did you mean 'status'\?"),
        ("metric_s.a > 1", r"Invalid entity type 'metric_s'.* Did you mean 'metrics'\?"),
        ("dataset.nam = 'x'", r"Invalid dataset key 'nam'.* Did you mean 'name'\?"),
        ("loss > 1", r"others are written metrics\.loss, params\.loss, tags\.loss\."),
        ("metrics.a > '1'", r"Invalid value '1' for metric 'a' at position 0.* expected a number"),
        ("params.a = 1", r"Invalid value 1 for param 'a'.* expected text in quotes"),
        ("params.a > 'x'", r"Invalid comparator '>' .* compared by =, !=, LIKE, ILIKE, IS NULL"),
        ("metrics.a", r"the end of the text at position 9\. Expected an operator"),
        ("metrics.1 > 2", r"'1 > 2' at position 8\. Expected a key, in quotes or backticks"),
    ],
)
def test_refusal_names_clause_position_and_expectation(text, message):
    with pytest.raises(InvalidInput, match=message):
        parse_filter(text, RUNS)


def test_filter_has_a_greatest_length():
    parse_filter("params.a = '" + "x" * (MAX_FILTER_LENGTH - 13) + "'", RUNS)
    with pytest.raises(InvalidInput, match="20001 characters"):
        parse_filter("params.a = '" + "x" * (MAX_FILTER_LENGTH - 12) + "'", RUNS)


def test_filter_and_order_by_have_a_greatest_number_of_parts():
    parse_filter(" AND ".join(["metrics.a > 1"] * MAX_CLAUSES), RUNS)
    with pytest.raises(InvalidInput, match="101 comparisons"):
        parse_filter(" AND ".join(["metrics.a > 1"] * (MAX_CLAUSES + 1)), RUNS)
    with pytest.raises(InvalidInput, match="101 items"):
        parse_order_by([f"metrics.a{n}" for n in range(MAX_CLAUSES + 1)], RUNS)


@pytest.mark.parametrize(
    "unit",
    [
        "'",
        '"',
        "`",
        "\\'",
        "''",
        "a.",
        "a::",
        "AND ",
        "(",
        "1",
        "not ",
        "is ",
        "metrics.a > 1 ",
        "!",
    ],
)
@pytest.mark.parametrize("head", ["", "params.a = '", "run_id IN (", "metrics.", "metrics.a "])
def test_hostile_filter_is_read_in_bounded_time(head, unit):
    text = head + unit * ((MAX_FILTER_LENGTH - len(head)) // len(unit))
    started = time.process_time()
    with suppress(InvalidInput):
        parse_filter(text, RUNS)
    assert time.process_time() - started < 2


# A text ends where its quote does, so its own last character can not escape that quote.
texts = st.text(st.characters(exclude_characters="'\"`", exclude_categories=("Cs",))).filter(
    lambda text: not text.endswith("\\")
)
numbers = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: "e+" not in repr(number)
)


def comparisons(entity, keys, operators, values):
    return st.builds(Comparison, st.just(entity), keys, st.sampled_from(operators), values)


equality = [Operator.EQ, Operator.NE, Operator.LIKE, Operator.ILIKE]
magnitude = [Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]
lists = st.lists(texts, min_size=1, max_size=4).map(tuple)
any_comparison = st.one_of(
    comparisons(Entity.METRIC, texts, magnitude, numbers),
    comparisons(Entity.PARAM, texts, equality, texts),
    comparisons(Entity.TAG, texts, [Operator.IS_NULL, Operator.IS_NOT_NULL], st.none()),
    comparisons(Entity.ATTRIBUTE, st.just("run_id"), [Operator.IN, Operator.NOT_IN], lists),
    comparisons(Entity.ATTRIBUTE, st.just("end_time"), magnitude, st.integers(-(10**16), 10**16)),
    comparisons(Entity.DATASET, st.sampled_from(["name", "digest", "context"]), equality, texts),
)


def render(comparison: Comparison, quote: str) -> str:
    parts = [f"{comparison.entity.value}s.`{comparison.key}`", comparison.operator.value]
    if isinstance(comparison.value, tuple):
        parts.append(f"({', '.join(f'{quote}{text}{quote}' for text in comparison.value)})")
    elif isinstance(comparison.value, str):
        parts.append(f"{quote}{comparison.value}{quote}")
    elif comparison.value is not None:
        parts.append(repr(comparison.value))
    return " ".join(parts)


@given(st.lists(any_comparison, max_size=5), st.sampled_from("'\""))
def test_rendered_filter_is_read_back(wanted, quote):
    text = " AND ".join(render(comparison, quote) for comparison in wanted)

    assert parse_filter(text, RUNS) == tuple(wanted)


nouns = ["metrics.", "params.a", "tags", "`x y`", "'v'", '"w"', "1e-3", "run_id", "dataset.name"]
signs = ["=", "!=", "LIKE", "IN", "NOT", "IS", "NULL", "AND", "(", ")", ",", ";", "--"]
words = st.sampled_from([*nouns, *signs])


def is_read_or_refused(parse, *arguments):
    with suppress(InvalidInput):
        parse(*arguments)


@given(st.one_of(st.text(max_size=60), st.lists(words, max_size=12).map(" ".join)))
def test_any_text_is_read_or_refused(text):
    for vocabulary in (RUNS, EXPERIMENTS):
        is_read_or_refused(parse_filter, text, vocabulary)
        is_read_or_refused(parse_order_by, [text], vocabulary)
