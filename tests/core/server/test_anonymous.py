"""In whose name a request acts where nobody is asked who they are."""

from __future__ import annotations

from typing import Any

import pytest

from stageline.server.caller import Caller, actor_of
from stageline.tracking.first_record import login_name


def scope(client: str | None, *headers: tuple[bytes, bytes], caller: Caller | None = None) -> Any:
    found: dict[str, Any] = {"client": client and (client, 1), "headers": list(headers)}
    return {**found, "state": {"caller": caller}} if caller else found


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_whoever_is_at_this_machine_acts_as_the_login(client: str) -> None:
    assert actor_of(scope(client)) == login_name()
    assert actor_of(scope(client), "ann") == "ann"


@pytest.mark.parametrize("client", ["10.1.2.3", "2001:db8::1", "testclient", None])
def test_whoever_comes_over_a_network_is_anonymous(client: str | None) -> None:
    assert actor_of(scope(client), "ann") == "anonymous"


@pytest.mark.parametrize("name", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"])
def test_what_a_proxy_of_this_machine_hands_on_is_anonymous(name: bytes) -> None:
    assert actor_of(scope("127.0.0.1", (name, b"127.0.0.1"))) == "anonymous"


def test_who_has_signed_in_has_their_own_name() -> None:
    assert actor_of(scope("10.1.2.3", caller=Caller("eve")), "ann") == "eve"
