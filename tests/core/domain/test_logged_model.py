import math

import pytest

from stageline.domain.logged_model import (
    ModelMetric,
    metric_tag,
    metrics_in,
    output_tag,
    outputs_in,
)


def test_steps_of_the_models_that_a_run_made_are_read_back() -> None:
    tags = dict([output_tag("m-1", 3), output_tag("m-2", -1)])
    assert outputs_in({**tags, "team": "wine"}) == {"m-1": 3, "m-2": -1}


def test_tag_of_an_output_that_is_no_number_is_passed_over() -> None:
    set_by_hand = {"stageline.model.output.m-1": "best", "stageline.model.output.m-2": ""}
    assert outputs_in({**set_by_hand, **dict([output_tag("m-3", 0)])}) == {"m-3": 0}


def test_what_a_run_measured_is_read_back_also_what_is_no_number() -> None:
    measured = ModelMetric("loss", math.nan, 3, 1_000, "r1", "wine", "abc")
    (found,) = metrics_in(dict([metric_tag("m-1", measured)]), "m-1", "r1")
    assert math.isnan(found.value)
    assert found._replace(value=0.0) == measured._replace(value=0.0)


@pytest.mark.parametrize(
    "said", ["", "best", "3", "{}", "[1]", '["loss","x",0,0,"",""]', "[" * 5000]
)
def test_tag_of_a_measurement_that_is_none_is_passed_over(said: str) -> None:
    good = ModelMetric("loss", 0.5, 0, 1_000, "r1")
    tags = {"stageline.model.metric.m-1.by-hand": said, **dict([metric_tag("m-1", good)])}
    assert metrics_in(tags, "m-1", "r1") == [good]
