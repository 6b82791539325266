"""Errors are grouped by what the caller would do, and their codes are for ever."""

from __future__ import annotations

import pickle

import pytest

from stageline import errors
from stageline.errors import REACTIONS, Reaction, StagelineError, reaction

# For ever: users match on the code; the built-in is what a caller who does not know us would catch.
FROZEN: dict[str, tuple[str, type[Exception]]] = {
    "StagelineError": ("error", Exception),
    "InvalidInput": ("invalid_input", ValueError),
    "NotFound": ("not_found", LookupError),
    "AlreadyExists": ("already_exists", ValueError),
    "Conflict": ("conflict", RuntimeError),
    "NotAllowed": ("not_allowed", PermissionError),
    "StorageFailed": ("storage_failed", OSError),
    "Unauthorized": ("unauthorized", OSError),
    "Corrupt": ("corrupt", ValueError),
    "RunFailed": ("run_failed", RuntimeError),
}
HTTP = {
    "error": 500,
    "invalid_input": 400,
    "not_found": 404,
    "already_exists": 400,
    "conflict": 409,
    "not_allowed": 403,
    "storage_failed": 503,
    "unauthorized": 503,
    "corrupt": 500,
    "run_failed": 500,
}


def tree(root: type[StagelineError]) -> list[type[StagelineError]]:
    return [root, *(cls for child in root.__subclasses__() for cls in tree(child))]


# Those of this module: a test of another may have made one of its own.
ERRORS = [cls for cls in tree(StagelineError) if cls.__module__ == errors.__name__]


def test_every_error_is_in_the_table() -> None:
    assert {cls.__name__: cls.code for cls in ERRORS} == {
        name: code for name, (code, _) in FROZEN.items()
    }


def test_codes_are_unique() -> None:
    assert len({cls.code for cls in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_says_its_own_code(cls: type[StagelineError]) -> None:
    assert "code" in vars(cls)


@pytest.mark.parametrize("cls", ERRORS)
def test_error_is_also_the_builtin_that_it_resembles(cls: type[StagelineError]) -> None:
    with pytest.raises(FROZEN[cls.__name__][1]):
        raise cls("it went wrong")


def test_refused_credentials_are_a_failure_of_the_store() -> None:
    assert issubclass(errors.Unauthorized, errors.StorageFailed)


@pytest.mark.parametrize("cls", ERRORS)
def test_message_is_what_the_user_reads(cls: type[StagelineError]) -> None:
    # A KeyError would quote it, an OSError would take it apart.
    assert str(cls("it's wrong: do that")) == "it's wrong: do that"


@pytest.mark.parametrize("cls", ERRORS)
def test_error_travels_between_processes(cls: type[StagelineError]) -> None:
    back = pickle.loads(pickle.dumps(cls("it went wrong")))
    assert type(back) is cls
    assert str(back) == "it went wrong"


def test_every_error_has_a_reaction() -> None:
    assert set(REACTIONS) == set(ERRORS)
    assert {cls.code: told.http_status for cls, told in REACTIONS.items()} == HTTP


def test_exit_codes_tell_errors_apart() -> None:
    codes = [told.exit_code for told in REACTIONS.values()]
    assert len(set(codes)) == len(codes)
    assert all(0 < code < 126 for code in codes)


def test_error_of_a_third_party_reacts_like_its_nearest_class() -> None:
    class QuotaUsedUp(errors.StorageFailed):
        code = "quota_used_up"

    assert reaction(QuotaUsedUp("no more")) == reaction(errors.StorageFailed("no"))
    assert reaction(StagelineError("x")) == Reaction(1, 500)
