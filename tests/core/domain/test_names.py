"""Names, keys, values and batches at their limits."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain import names
from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import InvalidInput

KINDS = ["metric", "param", "tag"]


class Scalar:
    """A number of some array library."""

    def __init__(self, value, kind="f"):
        self.value = value
        self.dtype = type("dtype", (), {"kind": kind})

    def __float__(self):
        return float(self.value)


@pytest.mark.parametrize("run_id", ["a", "0", "A-b_9", "a" * 256, "aé"])
def test_run_id_is_accepted(run_id):
    assert names.check_run_id(run_id) == run_id


@pytest.mark.parametrize("run_id", ["", "-a", "_a", "a" * 257, "a b", "a/b", "..", "a\n", "é", 5])
def test_run_id_is_refused(run_id):
    with pytest.raises(InvalidInput, match=r"Invalid value .* for parameter 'run_id' supplied"):
        names.check_run_id(run_id)


@pytest.mark.parametrize("experiment_id", ["0", "a-b_c", "a" * 64])
def test_experiment_id_is_accepted(experiment_id):
    assert names.check_experiment_id(experiment_id) == experiment_id


@pytest.mark.parametrize("experiment_id", ["", "-1", "a" * 65, "a/b", "a\n"])
def test_experiment_id_is_refused(experiment_id):
    with pytest.raises(InvalidInput, match="Invalid experiment ID"):
        names.check_experiment_id(experiment_id)


@pytest.mark.parametrize("name", ["a", "a/b: c", " x ", "é" * 500])
def test_experiment_name_is_accepted(name):
    assert names.check_experiment_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_blank_experiment_name_is_refused(name):
    with pytest.raises(InvalidInput, match="Invalid experiment name"):
        names.check_experiment_name(name)


def test_missing_or_long_experiment_name_is_refused():
    with pytest.raises(InvalidInput, match="Missing value for required parameter 'name'"):
        names.check_experiment_name(None)
    with pytest.raises(InvalidInput, match="'name' exceeds the maximum length of 500 characters"):
        names.check_experiment_name("a" * 501)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "key", ["a", "a b", " a", "a/b", "a.b", "a:b", "a-b_c", ".a", "a..", "été", "0", "a" * 250]
)
def test_key_is_accepted(kind, key):
    assert names.check_key(kind, key) == key


@pytest.mark.parametrize(
    ("kind", "argument"), [("metric", "name"), ("param", "key"), ("tag", "key")]
)
@pytest.mark.parametrize(
    "key", ["", ".", "..", "../a", "..a", "/a", "//", "a//b", "a/", "a/../b", "./a"]
)
def test_key_that_is_not_a_normal_path_is_refused(kind, argument, key):
    with pytest.raises(
        InvalidInput, match=rf"Invalid value .* for parameter '{argument}' supplied"
    ):
        names.check_key(kind, key)


@pytest.mark.parametrize(
    ("kind", "argument"), [("metric", "name"), ("param", "key"), ("tag", "key")]
)
@pytest.mark.parametrize("key", ["a\n", "a\x00", "a\\b", "a,b", "a@b", "a'b", "💥", 5])
def test_key_of_other_characters_is_refused(kind, argument, key):
    with pytest.raises(
        InvalidInput, match=rf"Invalid value .* for parameter '{argument}' supplied"
    ):
        names.check_key(kind, key)


def test_missing_or_long_key_is_refused():
    with pytest.raises(InvalidInput, match="'Metric name' exceeds the maximum length of 250 char"):
        names.check_key("metric", "a" * 251)
    with pytest.raises(InvalidInput, match="'Param key' exceeds"):
        names.check_key("param", "a" * 251)
    with pytest.raises(InvalidInput, match="Missing value for required parameter 'key'"):
        names.check_key("tag", None)


@pytest.mark.parametrize(
    ("check", "limit"), [(names.check_param_value, 6000), (names.check_tag_value, 8000)]
)
def test_long_value_is_cut_or_refused(check, limit):
    assert check("x" * limit) == ("x" * limit, False)
    assert check("x" * limit + "y") == ("x" * limit, True)
    with pytest.raises(InvalidInput, match=f"exceeds the maximum length of {limit} characters"):
        check("x" * limit + "y", truncate=False)
    with pytest.raises(InvalidInput, match="expected text"):
        check(5)


def test_experiment_tag_is_never_cut():
    assert names.check_experiment_tag("k", "x" * 20_000) == ("k", "x" * 20_000)
    with pytest.raises(InvalidInput, match="'value' exceeds the maximum length of 20000"):
        names.check_experiment_tag("k", "x" * 20_001)
    with pytest.raises(InvalidInput, match="parameter 'key'"):
        names.check_experiment_tag("a//b", "x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (0.5, 0.5), (math.inf, math.inf), (Decimal("0.5"), 0.5), (Scalar(3), 3.0)],
)
def test_metric_value_becomes_a_float(value, expected):
    assert names.check_metric_value(value) == expected
    assert type(names.check_metric_value(value)) is float


def test_nan_is_a_metric_value():
    assert math.isnan(names.check_metric_value(math.nan))


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "1",
        "nan",
        1j,
        [1],
        object(),
        10**400,
        Scalar(1, "b"),
        Scalar(1, "c"),
        Scalar("x"),
    ],
)
def test_metric_value_that_is_no_number_is_refused(value):
    with pytest.raises(InvalidInput, match=r"Invalid value .* for parameter 'value' supplied"):
        names.check_metric_value(value)


@pytest.mark.parametrize("step", [0, -5, 2**63 - 1, -(2**63), 3.0, Scalar(3)])
def test_step_is_any_64_bit_integer(step):
    assert names.check_step(step) == (step if isinstance(step, int) else 3)
    assert type(names.check_step(step)) is int


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 0.5, math.nan, math.inf, 1e30, "1", None])
def test_step_is_refused(step):
    with pytest.raises(InvalidInput, match=r"Invalid value .* for parameter 'step' supplied"):
        names.check_step(step)


@pytest.mark.parametrize(
    ("timestamp", "expected"), [(0, 0), (1_700_000_000_000, 1_700_000_000_000), (1.9, 1)]
)
def test_timestamp_is_whole_milliseconds(timestamp, expected):
    assert names.check_timestamp(timestamp) == expected


@pytest.mark.parametrize("timestamp", [-1, -0.5, 2**63, math.nan, math.inf, "1", None])
def test_timestamp_is_refused(timestamp):
    with pytest.raises(InvalidInput, match=r"Invalid value .* for parameter 'timestamp' supplied"):
        names.check_timestamp(timestamp)


@pytest.mark.parametrize("path", ["a", "a/b.txt", "a b/ü.png", "..a", "a..b", "a:b", "#1"])
def test_artifact_path_is_accepted(path):
    assert check_artifact_path(path) == path


@pytest.mark.parametrize("path", ["100%", "50%off.txt", "a%20b", "a%2eb", "%zz", "%"])
def test_harmless_percent_sign_is_accepted(path):
    assert check_artifact_path(path) == path


@pytest.mark.parametrize(
    "path", ["", ".", "./a", "a/", "a//b", "a/./b", "..", "../a", "a/..", "a/../b", "a/../../b"]
)
def test_artifact_path_that_is_not_normal_is_refused(path):
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        check_artifact_path(path)


@pytest.mark.parametrize("path", ["/a", "//a", "C:/a", "c:", "file:///etc/passwd"])
def test_absolute_artifact_path_is_refused(path):
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        check_artifact_path(path)


@pytest.mark.parametrize("path", ["a\\b", "..\\a", "a\x00b", "a\nb", "a\x7f", "\ud800"])
def test_artifact_path_with_characters_that_stores_change_is_refused(path):
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        check_artifact_path(path)


@pytest.mark.parametrize("escape", ["%2e%2e/a", "a/%2E%2E/b", "..%2fa", ".%2e/a", "a%2fb", "a/%2e"])
@pytest.mark.parametrize("percent", ["%", "%25"])
def test_path_hidden_in_percent_escapes_is_refused(escape, percent):
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        check_artifact_path(escape.replace("%", percent))


@pytest.mark.parametrize("escape", ["%2fa", "%63:/a", "a%5cb", "a%00b", "a%0ab"])
@pytest.mark.parametrize("percent", ["%", "%25"])
def test_character_hidden_in_percent_escapes_is_refused(escape, percent):
    with pytest.raises(InvalidInput, match="Invalid artifact path"):
        check_artifact_path(escape.replace("%", percent))


def test_artifact_path_has_a_greatest_length_and_so_has_each_part():
    check_artifact_path("/".join(["x" * 199] * 5))
    check_artifact_path("é" * 127)
    with pytest.raises(InvalidInput, match="exceeds the maximum length of 1000 characters"):
        check_artifact_path("/".join(["x" * 199] * 5) + "xx")
    with pytest.raises(InvalidInput, match="a part of it has 256 bytes"):
        check_artifact_path("a/" + "é" * 128)


@given(st.text(st.sampled_from("./\\%25ecf0a\n:C"), max_size=12))
def test_accepted_artifact_path_stays_inside_however_often_it_is_decoded(path):
    try:
        check_artifact_path(path)
    except InvalidInput:
        return
    from urllib.parse import unquote

    for form in (path, unquote(path), unquote(unquote(path))):
        parts = form.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert len(parts) == len(path.split("/"))
        assert not set("\\\n\x00") & set(form)


DATASET = {"name": "n", "digest": "d", "source_type": "local", "source": "{}"}


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("name", 500),
        ("digest", 36),
        ("source", 65_535),
        ("schema", 1_048_575),
        ("profile", 16_777_215),
    ],
)
def test_dataset_field_has_a_greatest_length(field, limit):
    names.check_dataset(**{**DATASET, field: "x" * limit})
    with pytest.raises(InvalidInput, match=f"'{field}' exceeds the maximum length of {limit} char"):
        names.check_dataset(**{**DATASET, field: "x" * (limit + 1)})


@pytest.mark.parametrize("field", DATASET)
def test_dataset_field_is_required(field):
    with pytest.raises(InvalidInput, match=rf"Missing value .* 'dataset.{field}'"):
        names.check_dataset(**{**DATASET, field: None})


def test_input_tag_has_its_own_limits():
    assert names.check_input_tag("k" * 255, "v" * 500) == ("k" * 255, "v" * 500)
    with pytest.raises(InvalidInput, match="'key' exceeds the maximum length of 255"):
        names.check_input_tag("k" * 256, "v")
    with pytest.raises(InvalidInput, match="'value' exceeds the maximum length of 500"):
        names.check_input_tag("k", "v" * 501)


def test_batch_may_be_full():
    names.check_batch(metrics=1000, datasets=1000)
    names.check_batch(metrics=800, params=100, tags=100)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"metrics": 1001}, "at most 1000 metrics. Got 1001 metrics"),
        ({"params": 101}, "at most 100 params. Got 101 params"),
        ({"tags": 101}, "at most 100 tags. Got 101 tags"),
        ({"metrics": 901, "tags": 100}, "at most 1000 metrics, params, and tags. Got 1001"),
        ({"datasets": 1001}, "at most 1000 datasets"),
    ],
)
def test_batch_is_refused(counts, message):
    with pytest.raises(InvalidInput, match=f"A batch logging request can contain {message}"):
        names.check_batch(**counts)


def test_refused_value_is_shown_in_part():
    with pytest.raises(InvalidInput) as refusal:
        names.check_key("param", "\n" * 100_000)
    assert len(str(refusal.value)) < 1000


def test_import_is_light():
    code = "import sys, stageline.domain.names; print(*sys.modules, sep=';')"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, env=_path()
    )
    loaded = set(done.stdout.strip().split(";"))

    assert "stageline.domain.names" in loaded, done.stderr
    assert not loaded & {"json", "lark", "msgspec", "pydantic", "fsspec", "urllib.parse"}


def _path():
    return {"PYTHONPATH": names.__file__.rsplit("stageline", 1)[0]}
