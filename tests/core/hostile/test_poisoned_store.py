"""A store in which anybody may have replaced anything: every use case that reads answers, or says which object it is.

Not one raises what is no error of ours, asks for more memory than any object deserves, opens a pickle, or asks the
store without end. One poison for each of the kinds that matter most; with EVERY_POISON=1 in the environment, every
poison on every kind of object (some ten minutes).
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hostile_store import Populated, in_memory, populate
from judging import code_run, judge, names, told_by
from poisons import kind_of, poisons
from reading_uses import uses_of

from stageline.errors import Corrupt

SLICE = (
    "runs/*/log/*.end.json",
    "runs/*/log/*.wal",
    "runs/*/log/*-*.seg",
    "experiments/*/*.json",
    "index/*/shard/*.msgpack.zst",
    "index/*/manifest/*.json",
    "registry/wine/log/*.json",
    "runs/*/artifacts/model/MLmodel",
)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Populated:
    return populate(tmp_path_factory.mktemp("populated"))


def test_store_holds_every_kind_of_object_and_sound_it_answers_all(
    known: Populated, tmp_path: Path
) -> None:
    kinds = {kind_of(key) for key in known.objects}
    assert kinds >= set(SLICE), sorted(set(SLICE) - kinds)
    in_memory("memory://hostile", known.objects)
    with uses_of("memory://hostile", known, tmp_path) as uses:
        for name, use in uses.items():
            answer = use()
            assert not isinstance(answer, str) or '"error' not in answer, (name, answer)


@pytest.mark.parametrize("number", range(len(SLICE)))
def test_each_kind_of_object_may_be_poisoned(known: Populated, number: int, tmp_path: Path) -> None:
    keys = [key for key in known.objects if kind_of(key) == SLICE[number]]
    key = next((key for key in keys if known.run_id in key), keys[0])
    choices = list(poisons(key, known.objects))
    name, poison = choices[number % len(choices)]
    assert judge(known, key, poison, tmp_path) == [], name


@pytest.mark.slow
@pytest.mark.skipif("EVERY_POISON" not in os.environ, reason="ten minutes: EVERY_POISON=1")
def test_every_object_may_be_replaced_by_every_poison(known: Populated, tmp_path: Path) -> None:
    wrong: list[str] = []
    seen: set[str] = set()
    for key in known.objects:
        # Files of each run are alike; those of the registry are not.
        kind = key if key.startswith("registry/") else kind_of(key)
        if kind in seen or ("/artifacts/" in key and known.run_id not in key):
            continue
        seen.add(kind)
        for number, (name, poison) in enumerate(poisons(key, known.objects)):
            folder = tmp_path / f"{len(seen)}-{number}"
            wrong += [f"{key} <- {name}: {one}" for one in judge(known, key, poison, folder)]
    assert wrong == []


def test_the_judge_sees_what_no_error_of_ours_tells() -> None:
    def crash() -> None:
        raise KeyError("steps")

    def nameless() -> None:
        raise Corrupt("it can not be read")

    def named() -> None:
        raise Corrupt("an entry of experiment 1795430240539080560 can not be read")

    key = "experiments/1795430240539080560/09223372036854775805.json"
    assert told_by(crash, key) == "KeyError: 'steps'"
    assert told_by(nameless, key) == "does not name the object: it can not be read"
    assert told_by(named, key) is None
    assert names(key, key)


def test_the_judge_hears_of_a_pickle_that_is_opened_and_of_a_program_that_is_started() -> None:
    with code_run() as nothing:
        pickle.loads(pickle.dumps([1]))  # names nothing, so it runs nothing
    with code_run() as opened:
        pickle.loads(pickle.dumps(Path))
    with code_run() as started:
        os.system("true")
    assert (nothing, opened, started) == ([], ["pickle.find_class"], ["os.system"])
