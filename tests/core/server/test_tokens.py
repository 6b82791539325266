"""Who may come in by a token: those who bring one that is known, in time and not revoked."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asked, Reply
from knocking import AUTH, Knocking, Who, basic, bearer
from processes import until

from stageline.errors import InvalidInput, NotFound
from stageline.server.auth import known_tokens
from stageline.server.auth.token import Token, new_token, taken_apart
from stageline.server.auth.token_store import Tokens
from stageline.server.options import Options
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.testing.clock import FixedClock
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.workspace import Workspace

LOOK = "experiments/get"


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Knocking]:
    with Knocking(workspace) as knocking:
        yield knocking


def look(who: Who) -> Reply:
    return who.get(LOOK, experiment_id="0")


def test_nobody_is_let_in_and_is_told_how(server: Knocking) -> None:
    reply = look(server.nobody)
    assert (reply.status, reply.code) == (401, "UNAUTHENTICATED")
    assert reply.challenges == [
        'Basic realm="stageline", charset="UTF-8"', 'Bearer realm="stageline"',
    ]  # fmt: skip
    assert "MLFLOW_TRACKING_TOKEN" in reply.json["message"]


@pytest.mark.parametrize("user", ["", "ann", "anything at all", "a:b"])
def test_token_is_taken_as_bearer_and_as_password(server: Knocking, user: str) -> None:
    token = server.token("read")
    assert look(Who(server, bearer(token))).status == 200
    if ":" not in user:  # what comes after the first colon is the password
        assert look(Who(server, basic(user, token))).status == 200
    else:
        assert look(Who(server, basic(user, token))).status == 401


def test_health_needs_no_token(server: Knocking) -> None:
    assert server.nobody.ask("GET", "/health").content == b"OK"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic", "Basic !", "Basic YQ==", "Digest x", "Token x", "bearer\tx",
     "Bearer null", "Bearer undefined", "Bearer stl__", "Basic " + "A" * 20_000, "Bearer \x00"],
)  # fmt: skip
def test_what_is_no_token_is_401(server: Knocking, value: str) -> None:
    assert look(Who(server, {"authorization": value})).status == 401


def test_every_part_of_a_token_counts(server: Knocking) -> None:
    token, other = server.token("read"), server.token("admin")
    _, known_id, secret = token.split("_", 2)
    other_id = other.split("_", 2)[1]
    flipped = ("A" if secret[0] != "A" else "B") + secret[1:]
    for wrong in (
        f"stl_{known_id}_{flipped}", f"stl_{other_id}_{secret}", f"stl_{'0' * 16}_{secret}", token + "x", token[:-1],
        token.upper(), f" {token[:-1]}", known_id, secret, f"stl_{known_id}_", f"{token}\n{token}",
        hashlib.sha256(secret.encode()).hexdigest(),
    ):  # fmt: skip
        assert look(Who(server, basic("x", wrong))).status == 401, wrong


def test_two_authorizations_are_none(server: Knocking) -> None:
    token = server.token("read")
    both = [(b"authorization", f"Bearer {token}".encode()), (b"authorization", b"Bearer x")]
    for headers in (both, both[::-1]):
        reply = server.ask_raw("GET", f"/api/2.0/mlflow/{LOOK}?experiment_id=0", headers)
        assert reply.status == 401


def test_what_says_who_came_can_not_be_sent(server: Knocking) -> None:
    for name in ("x-forwarded-user", "x-remote-user", "remote-user", "x-stageline-caller"):
        assert look(Who(server, {name: "admin"})).status == 401


def test_revoked_token_is_refused_within_seconds(
    server: Knocking, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = server.who("read")
    assert look(who).status == 200
    token_id = server.tokens.list()[0].token.token_id
    server.tokens.revoke(token_id, by="bob")
    # Not by waiting: what was known is old at once.
    monkeypatch.setattr(known_tokens, "FRESH_S", 0.0)
    until(lambda: look(who).status == 401, "the server sees that the token was revoked")


def test_expired_token_is_refused_though_it_is_remembered(tmp_path: Path) -> None:
    clock = FixedClock(1_700_000_000_000)
    opened = Workspace.open(tmp_path / "s", cache=str(tmp_path / "c"))
    with Knocking(Workspace(opened.store, opened.settings, clock)) as server:
        who = server.who("read", days=1)
        assert look(who).status == 200
        clock.sleep(86_400)
        assert look(who).status == 401


def test_store_that_is_away_does_not_shut_out_whoever_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FaultyStore(MemoryStore(f"memory://{tmp_path.name}"))
    with Knocking(Workspace(store, Settings(cache=str(tmp_path / "c")))) as server:
        known, strange = server.who("read"), server.who("read")
        assert known.get("server-info").status == 200
        monkeypatch.setattr(known_tokens, "STALE_S", 0.0)
        store.plan = Plan(chances={Fault.LOST_CALL: 1.0})
        assert known.get("server-info").status == 200
        assert strange.get("server-info").status == 503


def test_token_that_is_damaged_in_the_store_lets_nobody_in(
    server: Knocking, workspace: Workspace
) -> None:
    text = server.token("read")
    key = layout.token_made(server.tokens.list()[0].token.token_id)
    for data in (b"{", b"[]", b'{"format":"stageline.token/9"}'):
        workspace.store.replace(key, data)
        reply = look(Who(server, bearer(text)))
        assert reply.status in (403, 500), reply
        assert key not in reply.json["message"]
        assert "token_id" not in reply.json["message"]


def test_guessing_is_slowed_down_for_one_address_and_not_for_who_is_known(
    server: Knocking,
) -> None:
    who = server.who("read")
    assert look(who).status == 200
    statuses = [look(Who(server, bearer(f"stl_{n:016x}_{'a' * 43}"))).status for n in range(30)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    reply = look(Who(server, bearer("stl_" + "0" * 16 + "_" + "a" * 43)))
    assert int(reply.headers["retry-after"]) > 0
    assert look(who).status == 200


def test_token_that_comes_too_often_is_told_when_to_come_again(workspace: Workspace) -> None:
    import msgspec

    auth = msgspec.structs.replace(AUTH.auth, rate_per_s=0.01, burst=3)
    with Knocking(workspace, Options(auth=auth)) as server:
        ann, bob = server.who("read"), server.who("read", name="bob")
        assert [look(ann).status for _ in range(4)] == [200, 200, 200, 429]
        assert int(look(ann).headers["retry-after"]) > 1
        assert look(bob).status == 200


# -- what is kept -------------------------------------------------------------------------------------


def test_secret_is_nowhere_but_with_its_owner(
    server: Knocking, workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = server.token("read", "write")
    secret = text.split("_", 2)[2]
    for headers in (
        bearer(text),
        basic("ann", text),
        bearer(text[:-1] + "?"),
        basic("x", text + "!"),
    ):
        look(Who(server, headers))
        Who(server, headers).ask("GET", "/nothing/there")
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    presented = taken_apart(text)
    kept = server.tokens.list()[0]
    shown = f"{caplog.text} {presented!r} {kept!r} {kept.token.caller!r} {AUTH!r} {AUTH.auth!r}"
    assert secret not in shown
    assert "kkkk" not in shown
    assert kept.token.digest not in json.dumps(kept.token.document())


def test_tokens_are_made_once_and_revoked_once() -> None:
    clock = FixedClock(1_700_000_000_000)
    tokens = Tokens(MemoryStore("memory://tokens-once"), clock)
    token, text = tokens.create("ann", ["read", "read"], experiments=["team-a/*"], days=2, by="bob")
    assert token.rights == ("read",)
    assert token.expires == 1_700_000_000_000 + 2 * 86_400_000
    found = tokens.find(token.token_id)
    assert found is not None
    assert found.token == token
    assert found.revoked is None
    first = tokens.revoke(token.token_id, by="bob")
    again = tokens.revoke(token.token_id, by="eve")
    assert first.revoked is not None
    assert again.revoked is not None
    assert (first.revoked.by, again.revoked.by) == ("bob", "bob")
    with pytest.raises(NotFound, match="tokens list"):
        tokens.revoke("0" * 16)
    with pytest.raises(InvalidInput, match="not its text"):
        tokens.revoke(text)
    assert tokens.find("../../x") is None


@pytest.mark.parametrize(
    ("name", "rights", "more"),
    [("", ["read"], {}), ("ann", [], {}), ("ann", ["all"], {}), ("a\nb", ["read"], {}),
     ("ann", ["read"], {"experiments": []}),
     ("ann", ["read"], {"models": ["x" * 300]}), ("ann", ["read"], {"expires": 1}), ("ann", ["READ"], {})],
)  # fmt: skip
def test_token_that_can_not_be_is_not_made(name: str, rights: list[str], more: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(InvalidInput):
        new_token("0" * 16, name, rights, created=1, **more)


def test_token_grants_what_it_says() -> None:
    token, _ = new_token(
        "0" * 16, "ann", ["write"], experiments=["team-a/*", "x[1]"], models=["w?ne"], created=1
    )
    caller = token.caller
    assert caller.may("write", experiment="team-a/b")
    assert caller.may("read", experiment="x[1]")
    assert not caller.may("read", experiment="x1")
    assert not caller.may("write", experiment="team-A/b")
    assert not caller.may("promote", model="wine")
    assert caller.may("read", model="wine")
    assert not caller.may("read", model="whine")
    assert not caller.may_all("read")
    assert isinstance(token, Token)


def test_server_that_asks_nobody_takes_everybody(workspace: Workspace) -> None:
    with Asked(workspace) as server:
        assert server.get(LOOK, experiment_id="0").status == 200
