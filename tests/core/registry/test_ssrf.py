"""A webhook's URL takes this machine nowhere that is not public: every published way around such a guard is tried.

The bypasses are those of MLflow's advisories (GHSA-7gwp-5pfp-969j: redirects and DNS rebinding; GHSA-7646-8p3r-42ch
and GHSA-m56c-jhmp-2mx2: NAT64 and IPv4-mapped addresses), and the spellings that other guards were found to let pass.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiver import Received, Receiver, receiving

from stageline.domain.public_address import is_public
from stageline.domain.webhook_target import Reach, parse_reach, parse_target
from stageline.errors import InvalidInput
from stageline.registry.webhook_sending import MAX_BODY, Sender, system_resolve

PUBLIC = "93.184.215.14"
LOCAL = parse_reach("127.0.0.0/8", http=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192",
        "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1", "::ffff:93.184.215.14",
        "::ffff:0:127.0.0.1", "::127.0.0.1", "::169.254.169.254",
        "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "64:ff9b:1::7f00:1",
        "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:5db8:d70e::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1", "3fff::1", "100::1", "5f00::1", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1",
    ],
)  # fmt: skip
def test_address_that_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:82a::200e",
     "64:ff9b::93.184.215.14"],
)  # fmt: skip
def test_public_address(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global
        assert not found.is_multicast


# -- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "example.com",
        "", "https://", "https:///x", "//example.com", "https://.", "javascript:alert(1)", "HTTP://example.com/",
        "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/", "https://:@example.com/",
        "https://example.com@127.0.0.1/", "https://127.0.0.1\\@example.com/", "https://example.com\\.127.0.0.1/",
        "https://127.0.0.1/", "https://127.0.0.1./", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/",
        "https://2130706433/", "https://0x7f000001/", "https://017700000001/", "https://0177.0.0.1/",
        "https://0x7f.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0/", "https://0x0/", "https://127.0.0.01/",
        "https://1.2.3.4.5/", "https://example.0x7f/", "https://4294967297/", "https://0x/",
        "https://127。0。0。1/", "https://①②⑦.0.0.1/", "https://ⓛocalhost/", "https://exam%70le.com/",
        "https://127.0.0.1%00.example.com/", "https://127.0.0.1%2f@example.com/", "https://a b/", "https://a\tb/",
        "https://example.com/\r\nX-Injected: 1", "https://example.com/a b", "https://example.com\n",
        "https://example.com:22/", "https://example.com:6379/", "https://example.com:99999/", "https://example.com:x/",
        "https://example.com:0/", "https://example.com:80/", "https://example.com/#x", "https://example.com/#",
        "https://-a.com/", "https://a..b/", "https://" + "a" * 64 + ".com/", "https://example.com/" + "a" * 2000,
        "https://[v1.x]/", "https://[127.0.0.1]/", "https://[93.184.215.14]/", "https://*/",
    ],
)  # fmt: skip
def test_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid webhook URL"):
        parse_target(url, Reach())


def test_refusal_shows_nothing_of_a_url_but_its_host() -> None:
    for url in (
        "https://u:hunter2@a.com/hunter2",
        "https://127.0.0.1/hunter2",
        "http://a.com/hunter2",
    ):
        with pytest.raises(InvalidInput) as refused:
            parse_target(url, Reach())
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("https://HOOKS.example.com./a?b=c", "hooks.example.com", 443, "/a?b=c"),
        ("https://example.com:8443/x", "example.com", 8443, "/x"),
        (f"https://{PUBLIC}/", PUBLIC, 443, "/"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 443, "/"),
        ("https://my_hook.example.com/", "my_hook.example.com", 443, "/"),
    ],
)
def test_url_that_is_fine(url: str, host: str, port: int, path: str) -> None:
    target = parse_target(url, Reach())
    assert (target.host, target.port, target.path) == (host, port, path)


def test_settings_widen_the_reach_by_name_network_port_and_scheme() -> None:
    reach = parse_reach("hooks.corp, 10.1.0.0/16,fd00::/8", "443,9443", http=True)
    for url in ("https://hooks.corp:1234/", "http://hooks.corp/", "https://10.1.2.3:22/",
                "https://[fd00::1]/", "https://example.com:9443/", "http://example.com/"):  # fmt: skip
        parse_target(url, reach)
    for url in ("https://10.2.0.1/", "https://example.com:8443/", "https://[::ffff:10.1.2.3]/",
                "https://evil-hooks.corp:1234/", "https://hooks.corp.evil:1234/"):  # fmt: skip
        with pytest.raises(InvalidInput):
            parse_target(url, reach)


@pytest.mark.parametrize(
    ("allow", "ports"), [("a b", ""), ("10.0.0.1/8", ""), ("2130706433", ""), ("", "x"), ("", "0")]
)
def test_wrong_setting_is_refused(allow: str, ports: str) -> None:
    with pytest.raises(InvalidInput, match="STAGELINE_WEBHOOK_"):
        parse_reach(allow, ports)


# -- connections ----------------------------------------------------------------------------------


def test_host_that_is_private_is_never_connected_to(receiver: Receiver) -> None:
    sender = Sender(parse_reach(http=True, ports=str(receiver.port)), timeout_s=5)
    answer = sender.post(f"http://localhost:{receiver.port}/", {}, b"{}")
    assert answer.status is None
    assert "not a public address" in answer.error
    assert receiver.received == []


def test_any_private_address_among_public_ones_is_refused(receiver: Receiver) -> None:
    sender = Sender(
        parse_reach(http=True, ports=str(receiver.port)),
        timeout_s=5,
        resolve=lambda host, port: [PUBLIC, "127.0.0.1"],
    )
    assert "127.0.0.1" in sender.post(f"http://rebind.example:{receiver.port}/", {}, b"{}").error
    assert receiver.received == []


def test_name_is_resolved_once_and_the_checked_address_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would lead elsewhere, and is never asked for."""
    import socket

    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    looked_up: list[object] = []
    real = socket.getaddrinfo

    def noted(host: object, *rest: object, **how: object) -> object:
        looked_up.append(host)
        return real(host, *rest, **how)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    reach = parse_reach("127.0.0.0/8", str(receiver.port), http=True)
    sender = Sender(reach, timeout_s=5, resolve=rebinding)
    answer = sender.post(f"http://rebind.example:{receiver.port}/hook", {}, b"{}")
    assert answer.status == 200
    assert asked == ["rebind.example"]
    assert "rebind.example" not in looked_up
    assert receiver.received[0].headers["host"] == f"rebind.example:{receiver.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as inner:

        def redirect(one: Received, handler: BaseHTTPRequestHandler) -> int:
            handler.send_response(status)
            handler.send_header("Location", inner.url)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return 0

        receiver.answer = redirect
        answer = Sender(LOCAL, timeout_s=5).post(receiver.url, {}, b"{}")
        assert (answer.status, answer.is_success) == (status, False)
        assert inner.received == []


def test_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert Sender(LOCAL, timeout_s=5).post(receiver.url, {}, b"{}").status == 200
        assert proxy.received == []


def test_answer_is_read_only_so_far(receiver: Receiver) -> None:
    def endless(one: Received, handler: BaseHTTPRequestHandler) -> int:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x" * 65536)
        return 0

    receiver.answer = endless
    answer = Sender(LOCAL, timeout_s=20).post(receiver.url, {}, b"{}")
    assert answer.status == 200
    assert len(answer.body) == MAX_BODY


@pytest.mark.parametrize("part", ["nothing", "status", "headers", "body", "continue"])
def test_receiver_that_dribbles_is_left_in_time(receiver: Receiver, part: str) -> None:
    """Each byte comes within the socket's own time-out: only the whole is too slow."""

    def dribble(one: Received, handler: BaseHTTPRequestHandler) -> int:
        start = {
            "nothing": b"", "status": b"HTTP/1.1 2", "headers": b"HTTP/1.1 200 OK\r\nX-A: ",
            "body": b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", "continue": b"",
        }[part]  # fmt: skip
        handler.wfile.write(start)
        drip = {"continue": b"HTTP/1.1 100 Continue\r\n\r\n", "nothing": b""}.get(part, b"0")
        while not receiver.released.wait(0.02):
            handler.wfile.write(drip)
        return 0

    receiver.answer = dribble
    answer = Sender(LOCAL, timeout_s=0.5).post(receiver.url, {}, b"{}")
    if part == "body":
        assert answer.status == 200, "what follows changes nothing"
    else:
        assert answer.status is None
        assert answer.error == "no answer within 0.5 s"
    receiver.released.set()


def test_resolver_that_hangs_is_left_in_time() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        released.wait(60)
        return [PUBLIC]

    answer = Sender(Reach(), timeout_s=0.2, resolve=hanging).post("https://a.example/", {}, b"{}")
    released.set()
    assert answer.error == "no answer within 0.2 s"


def test_host_that_nobody_knows_is_an_answer() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    answer = Sender(Reach(), timeout_s=1, resolve=unknown).post("https://a.example/", {}, b"{}")
    assert "not known" in answer.error
    assert (
        Sender(Reach(), timeout_s=1, resolve=lambda h, p: [])
        .post("https://a.example/", {}, b"{}")
        .error.endswith("has no address")
    )


def test_garbage_is_an_answer(receiver: Receiver) -> None:
    def garbage(one: Received, handler: BaseHTTPRequestHandler) -> int:
        handler.wfile.write(b"\x1b[31mnot http\x1b[0m\r\n\r\n")
        handler.close_connection = True
        return 0

    receiver.answer = garbage
    answer = Sender(LOCAL, timeout_s=5).post(receiver.url, {}, b"{}")
    assert answer.error.startswith("BadStatusLine")
    assert "\x1b" not in answer.error


def test_second_address_is_tried_when_the_first_refuses(receiver: Receiver) -> None:
    reach = parse_reach("127.0.0.0/8", str(receiver.port), http=True)
    sender = Sender(reach, timeout_s=5, resolve=lambda h, p: ["127.0.0.2", "127.0.0.1"])
    assert sender.post(f"http://a.example:{receiver.port}/", {}, b"{}").status == 200


def test_system_resolves_each_address_once() -> None:
    assert system_resolve("127.0.0.1", 443) == ["127.0.0.1"]


# -- TLS ------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for `name` that vouches for itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("host", ["hooks.example", "other.example"])
def test_tls_asks_for_the_certificate_of_the_name_at_the_pinned_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool
) -> None:
    pem, key = certificate(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with receiving(context) as receiver:
        reach = parse_reach("127.0.0.0/8", str(receiver.port))
        sender = Sender(reach, timeout_s=10, resolve=lambda h, p: ["127.0.0.1"])
        answer = sender.post(f"https://{host}:{receiver.port}/hook", {}, b"{}")
        if trusted and host == "hooks.example":
            assert answer.status == 200
            assert receiver.received[0].headers["host"] == f"{host}:{receiver.port}"
        else:
            assert answer.status is None
            assert "certificate verify failed" in answer.error.lower().replace("_", " ")
            assert receiver.received == []
