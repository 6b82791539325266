"""Tokens of an identity provider: taken if it signed them, for us, in time; worth what its claims are."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from issuing import AUDIENCE, Issuing
from joserfc.jwk import RSAKey
from knocking import Knocking, Who, basic, bearer

from stageline.errors import InvalidInput
from stageline.server.auth import issuer_keys
from stageline.server.auth.issuer import ClaimGrant, Issuer, read_issuer
from stageline.server.auth.options import AuthOptions
from stageline.server.options import Options
from stageline.workspace import Workspace

GRANTS = (
    ClaimGrant(claim="groups", value="ml", rights=("read",)),
    ClaimGrant(claim="realm_access.roles", value="root", rights=("admin",)),
    ClaimGrant(
        claim="scope", value="stageline.write", rights=("write",), experiments=("team-a/*",)
    ),
)


@pytest.fixture
def provider() -> Iterator[Issuing]:
    with Issuing() as issuing:
        yield issuing


def options(provider: Issuing, **more: Any) -> Options:
    chosen = {"issuer": provider.url, "audience": AUDIENCE, "http": True, "allow": "127.0.0.0/8",
              "name_claim": "email", "grants": GRANTS, **more}  # fmt: skip
    return Options(auth=AuthOptions(session_key=b"k" * 32, issuer=Issuer(**chosen)))


@pytest.fixture
def server(workspace: Workspace, provider: Issuing) -> Iterator[Knocking]:
    with Knocking(workspace, options(provider)) as knocking:
        yield knocking


def status(server: Knocking, token: str) -> int:
    return Who(server, bearer(token)).get("experiments/get", experiment_id="0").status


def test_token_is_taken_as_bearer_and_as_password(server: Knocking, provider: Issuing) -> None:
    token = provider.token()
    assert status(server, token) == 200
    assert Who(server, basic("x", token)).get("experiments/get", experiment_id="0").status == 200
    assert provider.asked == ["/realms/ml/.well-known/openid-configuration", "/realms/ml/keys"]


def test_claims_are_worth_what_is_set(
    server: Knocking, provider: Issuing, workspace: Workspace
) -> None:
    writer = Who(server, bearer(provider.token(scope="openid stageline.write")))
    assert writer.post("experiments/create", name="team-a/x").status == 200
    assert writer.post("experiments/create", name="team-b/x").status == 403
    root = Who(server, bearer(provider.token(realm_access={"roles": ["root"]})))
    assert root.post("registered-models/create", name="wine").status == 200
    assert workspace.registry.history("wine")[-1].actor == "ann@example.com"
    nobody = Who(server, bearer(provider.token(groups=["others"])))
    assert nobody.get("experiments/get", experiment_id="0").status == 403
    named = Who(server, bearer(provider.token(groups="x ml", email="ml")))
    assert named.get("experiments/get", experiment_id="0").status == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://evil.example"}, {"iss": None}, {"aud": "others"}, {"aud": None}, {"aud": ["others"]},
        {"exp": int(time.time()) - 3600}, {"exp": None}, {"exp": "tomorrow"}, {"nbf": int(time.time()) + 3600},
        {"email": None}, {"email": ""}, {"email": 5}, {"email": "a\nb"}, {"email": "x" * 300},
    ],
)  # fmt: skip
def test_token_that_is_not_for_us_now_is_refused(
    server: Knocking, provider: Issuing, claims: dict[str, Any]
) -> None:
    assert status(server, provider.token(**claims)) == 401


def test_issuer_is_compared_to_the_letter(server: Knocking, provider: Issuing) -> None:
    for wrong in (provider.url + "/", provider.url.upper(), provider.url + "#", [provider.url]):
        assert status(server, provider.token(iss=wrong)) == 401


def test_signature_by_anybody_else_is_refused(server: Knocking, provider: Issuing) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "a"}, private=True)
    public = provider.keys[0].as_pem(private=False)
    claims = json.loads(_unpadded(provider.token().split(".")[1]))
    head, body, signature = provider.token().split(".")
    signed = f"{_padded({'alg': 'HS256', 'kid': 'a'})}.{_padded(claims)}"
    mac = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256"))
    confused = f"{signed}.{mac.rstrip(b'=').decode()}"
    none = f"{_padded({'alg': 'none', 'kid': 'a'})}.{body}."
    other = _padded({**claims, "groups": ["ml"], "email": "root@example.com"})
    for wrong in (
        provider.token(key=stranger), confused, none, f"{head}.{other}.{signature}", f"{head}.{body}.",
        f"{head}.{body}", f"{head}.{body}.{signature}x.y", f"..{signature}", f"{head}.{body}.{'A' * 342}",
        provider.token(head={"jwk": stranger.as_dict(private=False)}, key=stranger),
        provider.token(head={"jku": "http://evil.example/keys"}, key=stranger),
        provider.token(head={"x5u": "http://evil.example/cert", "kid": "../../a"}, key=stranger),
        "a" * 9000 + ".b.c",
    ):  # fmt: skip
        assert status(server, wrong) in (401, 429), wrong
    assert status(server, provider.token()) in (200, 429)
    assert not any("evil" in path for path in provider.asked)


def test_new_key_is_found_and_an_old_one_forgotten(
    server: Knocking, provider: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = provider.keys[0]
    assert status(server, provider.token()) == 200
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 0.0)
    provider.rotate("b")
    assert status(server, provider.token()) == 200
    assert status(server, provider.token(key=old, sub="u-2")) == 401


def test_provider_is_not_asked_for_each_unknown_key(server: Knocking, provider: Issuing) -> None:
    assert status(server, provider.token()) == 200
    asked = len(provider.asked)
    for number in range(10):
        assert status(server, provider.token(head={"kid": f"unknown-{number}"})) == 401
    assert len(provider.asked) == asked


def test_provider_that_is_away_shuts_out_only_before_its_keys_are_known(
    server: Knocking, provider: Issuing, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.is_away = True
    assert status(server, provider.token()) == 503
    monkeypatch.setattr(issuer_keys, "AGAIN_S", 0.0)
    provider.is_away = False
    assert status(server, provider.token()) == 200
    provider.is_away = True
    monkeypatch.setattr(issuer_keys, "FRESH_S", 0.0)
    assert status(server, provider.token(sub="another")) == 200


@pytest.mark.parametrize(
    "says",
    [{"jwks_uri": "http://169.254.169.254/keys"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "http://[::ffff:10.0.0.1]/keys"},
     {"jwks_uri": "http://0x7f.1/keys"}, {"jwks_uri": 5}, {"issuer": "http://evil.example"}],
)  # fmt: skip
def test_keys_are_fetched_from_nowhere_else(
    server: Knocking, provider: Issuing, says: dict[str, Any]
) -> None:
    provider.says = says
    assert status(server, provider.token()) == 503


def test_redirect_is_not_followed(server: Knocking, provider: Issuing) -> None:
    provider.redirects_to = f"{provider.url}/keys"
    assert status(server, provider.token()) == 503
    assert len(provider.asked) == 1


def test_provider_on_a_private_address_has_to_be_allowed(
    workspace: Workspace, provider: Issuing
) -> None:
    with Knocking(workspace, options(provider, allow="")) as server:
        assert status(server, provider.token()) == 503
    assert provider.asked == []


def test_token_ends_though_it_is_remembered(workspace: Workspace, provider: Issuing) -> None:
    from stageline.testing.clock import FixedClock

    clock = FixedClock(int(time.time() * 1000))
    with Knocking(
        Workspace(workspace.store, workspace.settings, clock), options(provider)
    ) as server:
        token = provider.token()
        assert status(server, token) == 200
        clock.sleep(400)
        assert status(server, token) == 401


@pytest.mark.parametrize(
    "text",
    ["", "issuer = 5", 'issuer = "https://x"', 'issuer = ""\naudience = "a"',
     'issuer = "https://x"\naudience = "a"\nsecret = 1',
     'issuer = "https://x"\naudience = "a"\nalgorithms = ["HS256"]',
     'issuer = "https://x"\naudience = "a"\nalgorithms = ["none"]',
     'issuer = "https://x"\naudience = "a"\nalgorithms = []',
     'issuer = "https://x"\naudience = "a"\n[[grants]]\nclaim = "g"\nvalue = "v"\nrights = ["all"]'],
)  # fmt: skip
def test_file_that_describes_no_provider_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "oidc.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"oidc\.toml"):
        read_issuer(path)


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _padded(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
