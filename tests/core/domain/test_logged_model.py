from stageline.domain.logged_model import output_tag, outputs_in


def test_steps_of_the_models_that_a_run_made_are_read_back() -> None:
    tags = dict([output_tag("m-1", 3), output_tag("m-2", -1)])
    assert outputs_in({**tags, "team": "wine"}) == {"m-1": 3, "m-2": -1}


def test_tag_of_an_output_that_is_no_number_is_passed_over() -> None:
    set_by_hand = {"stageline.model.output.m-1": "best", "stageline.model.output.m-2": ""}
    assert outputs_in({**set_by_hand, **dict([output_tag("m-3", 0)])}) == {"m-3": 0}
