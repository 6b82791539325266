"""Pages and their tokens."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.page import Page, check_max_results, decode_token, encode_token
from stageline.errors import InvalidInput


def test_page_is_a_list_with_a_token():
    page = Page(["a", "b"], "t")

    assert page == ["a", "b"]
    assert page.token == "t"
    assert Page().token is None


@given(st.integers(1, 2**53 - 1))
def test_token_is_read_back(offset):
    assert decode_token(encode_token(offset)) == offset


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_the_first_page(token):
    assert decode_token(token) == 0


def encoded(document) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        "!!!!",
        "eyJvZmZzZXQiOiA1fQ",
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(b"[" * 100_000).decode(),
        encoded(5),
        encoded([5]),
        encoded({}),
        encoded({"offset": "5"}),
        encoded({"offset": 0}),
        encoded({"offset": -1}),
        encoded({"offset": 1.5}),
        encoded({"offset": True}),
        encoded({"offset": 2**63}),
    ],
)
def test_token_that_we_did_not_write_is_refused(token):
    with pytest.raises(InvalidInput, match="Invalid page token"):
        decode_token(token)


@given(st.text())
def test_any_token_is_read_or_refused(token):
    with suppress(InvalidInput):
        assert decode_token(token) >= 0


@pytest.mark.parametrize("max_results", [1, 1000, 50_000])
def test_max_results_is_returned(max_results):
    assert check_max_results(max_results) == max_results


@pytest.mark.parametrize("max_results", [0, -1, 50_001, None, True, "5", 1.0])
def test_max_results_out_of_bounds_is_refused(max_results):
    with pytest.raises(InvalidInput, match="for parameter 'max_results' supplied"):
        check_max_results(max_results)


def test_max_results_has_the_default_and_limit_of_what_is_listed():
    assert check_max_results(None, default=100) == 100
    with pytest.raises(InvalidInput, match="at most 1000"):
        check_max_results(1001, limit=1000)
