"""What a table of runs asks of a projection, against what the runs themselves say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from stageline.domain.query import Comparison, Entity, Operator, OrderBy
from stageline.domain.run import TAG_PARENT_RUN_ID, RunStatus, ViewType
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.storage import projection_keys
from stageline.storage import projection_table as sql
from stageline.storage.index_changes import Changes, IndexState
from stageline.storage.projection import Projection
from stageline.storage.projection_facts import column_facts

ACTIVE = ViewType.ACTIVE_ONLY


def a_run(
    run_id: str,
    start: int = 0,
    *,
    params: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
    parent: str | None = None,
    is_deleted: bool = False,
) -> RunSummary:
    return RunSummary(
        run_id=run_id,
        started=(start, start),
        status=StatusAt(1, RunStatus.FINISHED, start + 10, None),
        deletion=(1, True) if is_deleted else None,
        params={key: (1, value) for key, value in (params or {}).items()},
        metrics={key: LastPoint(1, 0, 0, value) for key, value in (metrics or {}).items()},
        tags={TAG_PARENT_RUN_ID: (1, parent)} if parent else {},
    )


@pytest.fixture(params=[200, 1, 0], ids="{} columns".format)
def slots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many keys of a kind have a column of the wide table: the others must answer alike."""
    monkeypatch.setattr(projection_keys, "SLOTS", request.param)
    return int(request.param)


def holding(path: Path, *runs: RunSummary) -> Projection:
    copy = Projection(path / "copy", "1")
    state = IndexState(epoch="e", manifest=1)
    assert copy.apply(Changes(IndexState(), state, True, [], list(runs), 0))
    return copy


def found(copy: Projection, *where: Comparison, **how: object) -> list[str]:
    return [hit.run_id for hit in copy.select(where, (), ACTIVE, limit=99, **how)]  # type: ignore[arg-type]


@pytest.mark.usefixtures("slots")
def test_facts_of_columns_leave_deleted_runs_out(tmp_path: Path) -> None:
    copy = holding(
        tmp_path,
        a_run("a", params={"alpha": "0.1", "kind": "x"}, metrics={"rmse": 1.0, "odd": math.nan}),
        a_run("b", params={"alpha": "10"}, metrics={"rmse": 1.0, "odd": 2.0}),
        a_run("c", params={"alpha": "word", "gone": "1"}, is_deleted=True),
    )
    facts = {each.key: each for each in column_facts(copy)}
    assert facts["alpha"][2:] == (2, "0.1", "10", True)
    assert facts["kind"][2:] == (1, "x", "x", False)
    assert facts["rmse"].is_constant
    assert not facts["odd"].is_constant
    assert facts["gone"].runs == 0
    copy.close()


@pytest.mark.usefixtures("slots")
def test_cells_come_in_the_order_of_the_runs_and_columns(tmp_path: Path) -> None:
    copy = holding(
        tmp_path,
        a_run("a", 5, params={"alpha": "0.1"}, metrics={"rmse": 1.0}),
        a_run("b", 7, metrics={"rmse": math.nan, "mae": 3.0}),
    )
    columns = [(Entity.METRIC, "mae"), (Entity.PARAM, "alpha"), (Entity.METRIC, "rmse")]
    rows = sql.cells(copy, ["b", "missing", "a"], [*columns, (Entity.TAG, "never")])
    assert [(row.run_id, row.start_time, row.values) for row in rows] == [
        ("b", 7, (3.0, None, "NaN", None)),
        ("a", 5, (None, "0.1", 1.0, None)),
    ]
    copy.close()


@pytest.mark.usefixtures("slots")
def test_roots_are_those_whose_parent_is_not_shown(tmp_path: Path) -> None:
    copy = holding(
        tmp_path,
        a_run("root", 9),
        a_run("child", 8, parent="root"),
        a_run("elsewhere", 7, parent="unknown"),
        a_run("gone", 6, is_deleted=True),
        a_run("orphan", 5, parent="gone"),
    )
    assert found(copy, roots=True) == ["root", "elsewhere", "orphan"]
    assert sql.children(copy, ["root", "gone", "orphan"], ACTIVE) == {"root": 1, "gone": 1}
    counts = sql.counts_by(copy, Entity.ATTRIBUTE, "status", (), ACTIVE, roots=True)
    assert counts == {"FINISHED": 3}
    copy.close()


@pytest.mark.usefixtures("slots")
def test_text_is_compared_with_a_number_by_what_it_spells(tmp_path: Path) -> None:
    spelt = {"a": "0.05", "b": "1e-3", "c": "-7", "d": "10", "e": "9"}
    others = {"f": "1.2.3", "g": "2024-01-01", "h": "1_0", "i": "", "j": "nan", "k": "ten"}
    copy = holding(
        tmp_path, *(a_run(key, params={"p": text}) for key, text in {**spelt, **others}.items())
    )

    def those(operator: Operator, value: float) -> list[str]:
        return found(copy, Comparison(Entity.PARAM, "p", operator, value))

    assert those(Operator.LT, 0.1) == ["a", "b", "c"]
    assert those(Operator.GE, 9.0) == ["d", "e"]
    assert those(Operator.NE, 9.0) == ["a", "b", "c", "d"]
    copy.close()


@pytest.mark.usefixtures("slots")
def test_params_are_ordered_by_number_where_asked(tmp_path: Path) -> None:
    copy = holding(
        tmp_path,
        a_run("ten", params={"p": "10"}),
        a_run("nine", params={"p": "9"}),
        a_run("none"),
    )
    for by_number, expected in ((True, ["nine", "ten", "none"]), (False, ["ten", "nine", "none"])):
        order = OrderBy(Entity.PARAM, "p", True, by_number)
        hits = copy.select((), (order,), ACTIVE, limit=9)
        assert [hit.run_id for hit in hits] == expected
    copy.close()


@pytest.mark.usefixtures("slots")
def test_groups_and_extremes_pass_over_what_is_no_number(tmp_path: Path) -> None:
    copy = holding(
        tmp_path,
        a_run("a", params={"kind": "x"}, metrics={"rmse": 1.0, "nan": math.nan}),
        a_run("b", params={"kind": "x"}, metrics={"rmse": math.nan}),
        a_run("c", params={"kind": "x"}, metrics={"rmse": 3.0}),
        a_run("d", metrics={"rmse": math.inf}),
    )
    groups = sql.groups(copy, (Entity.PARAM, "kind"), ["rmse"], (), ACTIVE)
    assert [tuple(each) for each in groups] == [
        ("x", 3, ((2, 2.0, 1.0, 3.0),)),
        (None, 1, ((1, math.inf, math.inf, math.inf),)),
    ]
    ends = sql.extremes(copy, ["rmse", "nan", "never"], (), ACTIVE)
    assert ends == {"rmse": (1.0, math.inf)}
    copy.close()
