"""What a retention policy deletes, and what nothing may delete."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.retention import (
    TAG_REGISTERED,
    Action,
    RetentionPolicy,
    Verdict,
    age_ms,
    decide,
)
from stageline.domain.run import (
    TAG_PARENT_RUN_ID,
    TAG_PROTECTED,
    LifecycleStage,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
)
from stageline.errors import InvalidInput

DAY = 24 * 3_600_000
NOW = 1_000 * DAY


def run(
    run_id: str,
    days_ago: float = 100,
    status: RunStatus = RunStatus.FINISHED,
    *,
    experiment: str = "0",
    deleted: bool = False,
    metrics: dict[str, float] | None = None,
    **tags: str,
) -> Run:
    at = int(NOW - days_ago * DAY)
    return Run(
        info=RunInfo(
            run_id=run_id,
            run_name=run_id,
            experiment_id=experiment,
            user_id="",
            status=status,
            start_time=at,
            end_time=at if status.is_terminal else None,
            lifecycle_stage=LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE,
            artifact_uri="",
        ),
        data=RunData(
            metrics=metrics or {},
            params={},
            tags={key.replace("__", "."): value for key, value in tags.items()},
        ),
        inputs=RunInputs(dataset_inputs=[]),
        metrics={},
        attempts=[],
    )


def deleted(policy: RetentionPolicy, *runs: Run, names: dict[str, str] | None = None) -> list[str]:
    verdicts = decide(policy, runs, NOW, names)
    return [verdict.run_id for verdict in verdicts if verdict.action is Action.DELETE]


def test_policy_without_a_rule_deletes_nothing() -> None:
    assert decide(RetentionPolicy(), [run("a")], NOW) == [
        Verdict("a", Action.KEEP, "the policy has no rule")
    ]


def test_old_runs_are_deleted_oldest_first() -> None:
    policy = RetentionPolicy(older_than="30d")
    assert deleted(policy, run("b", 40), run("new", 29.9), run("a", 50)) == ["a", "b"]


def test_reason_tells_the_rules() -> None:
    policy = RetentionPolicy(older_than="30d", statuses=(RunStatus.FAILED,), tags={"keep": None})
    (verdict,) = decide(policy, [run("a", status=RunStatus.FAILED)], NOW)
    assert verdict == Verdict("a", Action.DELETE, "failed, older than 30d, no tag 'keep'")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (RetentionPolicy(older_than="200d"), "it is not older than 200d"),
        (RetentionPolicy(statuses=(RunStatus.FAILED,)), "it is finished"),
        (RetentionPolicy(tags={"team": "b"}), "its tag 'team' is 'a'"),
        (RetentionPolicy(tags={"team": None}), "its tag 'team' is 'a'"),
        (RetentionPolicy(tags={"x": "1"}), "its tag 'x' is 'not set'"),
        (RetentionPolicy(experiments=("7", "other")), "it is in another experiment"),
        (RetentionPolicy(deleted_only=True), "it is not deleted"),
        (RetentionPolicy(keep_last=1), "it is one of the last 1"),
    ],
)
def test_run_to_which_a_rule_does_not_apply_is_kept(policy: RetentionPolicy, reason: str) -> None:
    assert decide(policy, [run("a", team="a")], NOW) == [Verdict("a", Action.KEEP, reason)]


def test_every_rule_has_to_apply() -> None:
    policy = RetentionPolicy(older_than="30d", statuses=(RunStatus.FAILED, RunStatus.KILLED))
    runs = [
        run("old finished"),
        run("new failed", 1, RunStatus.FAILED),
        run("old failed", 50, RunStatus.FAILED),
        run("old killed", 40, RunStatus.KILLED),
    ]
    assert deleted(policy, *runs) == ["old failed", "old killed"]


def test_experiments_are_named_by_id_or_name() -> None:
    runs = [run("a", experiment="1"), run("b", experiment="2"), run("c", experiment="3")]
    policy = RetentionPolicy(experiments=("scratch", "3"))
    assert deleted(policy, *runs, names={"1": "scratch", "2": "prod"}) == ["a", "c"]


def test_deleted_runs_are_only_for_a_policy_of_deleted_ones() -> None:
    runs = [run("there"), run("gone", deleted=True)]
    assert deleted(RetentionPolicy(older_than="1d"), *runs) == ["there"]
    assert deleted(RetentionPolicy(older_than="1d", deleted_only=True), *runs) == ["gone"]


EAGER = [
    RetentionPolicy(older_than="0h"),
    RetentionPolicy(deleted_only=True),
    RetentionPolicy(statuses=tuple(RunStatus)),
    RetentionPolicy(experiments=("0",), keep_best="loss ASC"),
]


@pytest.mark.parametrize("policy", EAGER)
@pytest.mark.parametrize("is_deleted", [True, False])
def test_nothing_deletes_what_is_protected_registered_or_running(
    policy: RetentionPolicy, is_deleted: bool
) -> None:
    runs = [
        run("p", deleted=is_deleted, **{TAG_PROTECTED: "true"}),
        run("r", deleted=is_deleted, **{TAG_REGISTERED: "m/1"}),
        run("running", status=RunStatus.RUNNING, deleted=is_deleted),
        run("scheduled", status=RunStatus.SCHEDULED, deleted=is_deleted),
    ]
    assert deleted(policy, *runs) == []


def test_last_runs_of_each_experiment_are_kept() -> None:
    runs = [
        run(f"{experiment}{age}", age, experiment=experiment)
        for experiment in "12"
        for age in (1, 2, 3)
    ]
    runs.append(run("live", 0, RunStatus.RUNNING, experiment="1"))
    assert deleted(RetentionPolicy(keep_last=2), *runs) == ["13", "23"]


@pytest.mark.parametrize(("order", "best"), [("ASC", "low"), ("desc", "high")])
def test_best_run_of_each_experiment_is_kept(order: str, best: str) -> None:
    runs = [
        run("low", metrics={"m": 1.0}),
        run("high", metrics={"m": 2.0}),
        run("nan", metrics={"m": math.nan}),
        run("none"),
        run("other", metrics={"m": 9.0}, experiment="1"),
    ]
    gone = deleted(RetentionPolicy(keep_best=f"m {order}"), *runs)
    assert gone == sorted({"low", "high", "nan", "none"} - {best})


@pytest.mark.parametrize("text", ["loss", "loss up", " ASC", "ASC"])
def test_best_needs_a_metric_and_a_direction(text: str) -> None:
    with pytest.raises(InvalidInput, match="which end of it is best"):
        RetentionPolicy(keep_best=text)


def test_parents_of_a_kept_run_are_kept() -> None:
    runs = [
        run("root", 100),
        run("middle", 99, **{TAG_PARENT_RUN_ID: "root"}),
        run("leaf", 98, **{TAG_PARENT_RUN_ID: "middle", TAG_PROTECTED: ""}),
        run("brother", 97, **{TAG_PARENT_RUN_ID: "root"}),
    ]
    verdicts = decide(RetentionPolicy(older_than="1d"), runs, NOW)
    assert [v.run_id for v in verdicts if v.action is Action.DELETE] == ["brother"]
    assert verdicts[0].reason == "run leaf, which is kept, is nested in it"


def test_runs_nested_in_a_circle_are_decided() -> None:
    runs = [run("a", **{TAG_PARENT_RUN_ID: "b"}), run("b", 1, **{TAG_PARENT_RUN_ID: "a"})]
    assert deleted(RetentionPolicy(older_than="30d"), *runs) == []
    assert deleted(RetentionPolicy(older_than="0d"), *runs) == ["a", "b"]


def test_ages_are_hours_days_or_weeks() -> None:
    assert age_ms("36h") == age_ms("36 hours") == 1.5 * DAY
    assert age_ms("2w") == age_ms("14D") == age_ms("14 days") == 14 * DAY


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1.5d", "30 minutes", "30d;", "1m"])
def test_other_ages_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="an age is a number of"):
        RetentionPolicy(older_than=text)


def test_negative_number_of_runs_is_refused() -> None:
    with pytest.raises(InvalidInput, match="keep_last"):
        RetentionPolicy(keep_last=-1)


@given(
    st.lists(
        st.builds(
            run,
            st.text("abc", min_size=1, max_size=2),
            st.floats(0, 100),
            st.sampled_from(RunStatus),
            experiment=st.sampled_from("01"),
            deleted=st.booleans(),
        ),
        unique_by=lambda one: one.info.run_id,
    ),
    st.builds(
        RetentionPolicy,
        older_than=st.sampled_from(["", "10d", "50d"]),
        keep_last=st.integers(0, 3),
        deleted_only=st.booleans(),
        keep_best=st.sampled_from(["", "m ASC"]),
    ),
)
def test_verdict_does_not_depend_on_the_order_of_the_runs(
    runs: list[Run], policy: RetentionPolicy
) -> None:
    verdicts = decide(policy, runs, NOW)
    assert decide(policy, runs[::-1], NOW) == verdicts
    assert sorted(v.run_id for v in verdicts) == sorted(one.info.run_id for one in runs)
    by_id = {one.info.run_id: one for one in runs}
    assert all(
        by_id[v.run_id].info.status.is_terminal for v in verdicts if v.action is Action.DELETE
    )
