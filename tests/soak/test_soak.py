"""A short slice of the soak, and that its judge sees what is lost, invented and doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from diary import Deed, Diary, read_diaries, value_of
from judge import judge_index, judge_registry, judge_runs
from play import Soak

from stageline import Workspace
from stageline.storage import layout


@pytest.mark.slow
@pytest.mark.usefixtures("seaweedfs_server")  # or it is skipped where there is none
def test_nothing_acknowledged_is_lost_when_anything_may_be_killed(tmp_path: Path) -> None:
    report = Soak(tmp_path / "soak", seed=3).play(20)
    assert report.wrong == []
    assert report.kills["trainer"]
    assert report.told["point"] > 100
    assert report.objects > 10


def test_torn_last_line_of_a_diary_was_not_written(tmp_path: Path) -> None:
    diary = Diary(tmp_path / "diary")
    with diary.deed("register", model="wine") as deed:
        deed.answer = 3
    with pytest.raises(ZeroDivisionError), diary.deed("end", run="r"):
        1 / 0  # noqa: B018
    with (tmp_path / "diary").open("a") as file:
        file.write('{"number": "')
    assert read_diaries([tmp_path / "diary"]) == [
        Deed("register", {"model": "wine"}, True, 3),
        Deed("end", {"run": "r"}),
    ]


# -- the judge -------------------------------------------------------------------------------------


class Told:
    """A store with a run and two versions, and what a diary of it says; a test changes either."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace.open(folder / "store", cache=str(folder / "cache"))
        self.run = self.workspace.runs.create(run_name="t1-0").run_id
        opened = self.workspace.runs.opened(self.run)
        for step in range(3):
            opened.log_metric("loss", value_of(self.run, step), step)
        opened.log_param("p0", 0)
        opened.end()
        registry = self.workspace.registry
        for number in (1, 2):
            registry.register("wine", source=f"s3://elsewhere/{number}", digest=str(number))
        registry.acting(reason="move").transition("wine", 2, "Production")
        registry.set_alias("wine", "best", 2)
        self.deeds = [
            Deed("run", {"name": "t1-0"}, True, self.run),
            *(Deed("point", {"run": self.run, "step": step}, True) for step in range(3)),
            Deed("param", {"run": self.run, "key": "p0"}, True),
            Deed("end", {"run": self.run}, True),
            *(
                Deed("register", {"model": "wine", "source": f"s3://elsewhere/{n}"}, True, n)
                for n in (1, 2)
            ),
            Deed("stage", {"model": "wine", "version": 2, "reason": "move"}, True),
            Deed("alias", {"model": "wine", "alias": "best", "version": 2}, True),
        ]

    def say(self, verb: str, **given: object) -> None:
        self.deeds.append(Deed(verb, given, True))

    def forget(self, verb: str) -> None:
        self.deeds.remove(next(deed for deed in self.deeds if deed.verb == verb))

    def wrong(self) -> list[str]:
        fresh = Workspace.open(self.folder / "store", cache=str(self.folder / "judge"))
        return [
            *judge_runs(fresh, self.deeds), *judge_registry(fresh, self.deeds), *judge_index(fresh),
        ]  # fmt: skip

    def hide_a_run(self) -> None:
        """From an index that is there, so nobody makes it anew."""
        self.workspace.index.index("0").rebuild(lambda: self.workspace.runs.summaries("0"))
        with self.workspace.runs.create():
            pass
        for entry in self.workspace.store.list(layout.index_inbox("0")):
            self.workspace.store.delete(entry.key)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_judge_has_nothing_to_say_of_what_is_as_it_was_told(told: Told) -> None:
    assert told.wrong() == []


def test_judge_lets_an_unknown_outcome_be_either(told: Told) -> None:
    told.deeds.append(Deed("point", {"run": told.run, "step": 9}))
    told.deeds.append(Deed("stage", {"model": "wine", "version": 1, "reason": "never"}))
    for deed in told.deeds:
        if deed.verb in ("point", "stage", "end"):
            deed.is_told = False
    assert told.wrong() == []


LIES: dict[str, tuple[Callable[[Told], object], str]] = {
    "a lost point": (lambda t: t.say("point", run=t.run, step=7), "loss 7 is lost"),
    "an invented point": (lambda t: t.forget("point"), "loss 0 is invented"),
    "a lost param": (lambda t: t.say("param", run=t.run, key="p5"), "param p5 is lost"),
    "an end nobody called": (lambda t: t.forget("end"), "has not ended, and is FINISHED"),
    "a lost deletion": (lambda t: t.say("delete", run=t.run), "is active"),
    "a lost run": (lambda t: t.say("point", run="f" * 32, step=1), "is gone"),
    "a run of nobody": (lambda t: t.workspace.runs.create(run_name="x").end(), "is nobody's"),
    "a version of nobody": (lambda t: t.forget("register"), "is nobody's"),
    "a lost version": (
        lambda t: t.deeds.append(Deed("register", {"model": "wine", "source": "s3://x"}, True, 3)),
        "version 3 is not s3://x",
    ),
    "a version given twice": (
        lambda t: t.workspace.registry.register(
            "wine", source="s3://elsewhere/1", digest="1", again=True
        ),
        "is there twice",
    ),
    "a lost move": (
        lambda t: t.say("stage", model="wine", version=1, reason="other"),
        "happened 0 times",
    ),
    "a lost alias": (
        lambda t: t.say("alias", model="wine", alias="worst", version=1),
        "is lost",
    ),
    "a gap": (lambda t: t.workspace.registry.delete_version("wine", 1), "have gaps"),
    "an index that lacks a run": (lambda t: t.hide_a_run(), "misses run"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_judge_sees(told: Told, lie: str) -> None:
    assert told.wrong() == []
    told_again = Told(told.folder / "again")
    plant, complaint = LIES[lie]
    plant(told_again)
    assert any(complaint in one for one in told_again.wrong()), told_again.wrong()
