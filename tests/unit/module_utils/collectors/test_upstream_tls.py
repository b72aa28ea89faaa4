"""TLS between nginx and the app: a real listener, with certificates as they go wrong, asked as nginx would."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import upstream_tls
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_config, nginx_locations
from ansible_collections.rescue502.django.plugins.module_utils.system import unread
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

KEY, OWN_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
NOW = datetime.datetime.now(datetime.UTC)
TAIL = ', client: 10.0.0.9, server: shop.example, request: "GET / HTTP/1.1", host: "shop.example"'
HANDSHAKING = " while SSL handshaking to upstream" + TAIL
ALERT = (
    "*1 SSL_read() failed (SSL: error:0A00045C:SSL routines::tlsv13 alert certificate required:SSL alert number 116)"
)


def certificate(
    common_name: str, days: int, names: tuple[str, ...], key: Any, authority: bool = False
) -> x509.Certificate:
    """A certificate that the authority's key signs."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
    begins = NOW - datetime.timedelta(days=400)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 7, begins, NOW + datetime.timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(KEY, hashes.SHA256())


@cache
def pem(days: int = 0, *names: str, authority: bool = False) -> bytes:
    """The app server's certificate with its key, or the authority's."""
    if authority:
        return certificate("Authority", 90, (), KEY, authority=True).public_bytes(Encoding.PEM)
    key = OWN_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return key + certificate("app.internal", days, names, OWN_KEY).public_bytes(Encoding.PEM)


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """An address at which each connection is answered so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def tls(folder: Path, content: bytes, wants_certificate: bool = False) -> Callable[[socket.socket], None]:
    """A server that speaks TLS, shows this certificate, and perhaps wants one of the client's."""
    file = folder / "app.pem"
    file.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=pem(authority=True).decode())

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as opened:
            opened.recv(1)

    return answer


def plain(connection: socket.socket) -> None:
    """A server that takes a handshake for a bad request, as gunicorn does."""
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


VERIFIED = "proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name app.internal;"


def facts(
    folder: Path,
    address: str,
    lines: str = VERIFIED,
    scheme: str = "https",
    errors: tuple[str, ...] = (),
    elsewhere: int = 0,
) -> Any:
    """What is found of that address, where nginx has these lines and has logged these."""
    (folder / "ca.pem").write_bytes(pem(authority=True))
    file = folder / "nginx.conf"
    file.write_text(f"server {{ location / {{ {lines} proxy_pass {scheme}://{address}; }} }}")
    root = nginx_config.load_fragment(str(file))
    locations = nginx_locations.proxied_locations(root)
    host, port = address.split(":")
    bind = [{"kind": "tcp", "host": host, "port": int(port) + elsewhere, "path": ""}]
    stack = SimpleNamespace(nginx_root=root, nginx_config=str(file), roots_locations=locations, bind=bind)
    return upstream_tls.collect(stack, [{"text": text} for text in errors]).get(address)  # type: ignore[arg-type]


def test_which_files_nginx_read_when_it_loaded(tmp_path: Path) -> None:
    """Once each, from the folder of its configuration."""
    text = f"server {{ location / {{ {VERIFIED} proxy_ssl_certificate /own.pem; proxy_pass https://127.0.0.1:1; }} }}"
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    root = nginx_config.load_fragment(str(file))
    locations = nginx_locations.proxied_locations(root)
    stack: Any = SimpleNamespace(nginx_root=root, nginx_config=str(file), roots_locations=locations)
    assert upstream_tls.paths(stack) == ["/own.pem", str(tmp_path / "ca.pem")]
    stack.roots_locations = []
    assert upstream_tls.paths(stack) == []


def test_a_good_certificate(tmp_path: Path) -> None:
    """By a name that a wildcard takes, too; and the port is no part of it."""
    for names in (("other", "app.internal"), ("*.internal",)):
        with listener(tls(tmp_path, pem(30, *names))) as address:
            found = facts(tmp_path, address)
        assert (found["refused"], found["mismatch"], found["ended"], found["names"]) == ("", False, "", list(names))
        assert found["days_left"] == pytest.approx(30, abs=0.2)
        assert found["trusted"] == str(tmp_path / "ca.pem")


def test_only_the_apps_own_address_is_asked(tmp_path: Path) -> None:
    """Another server behind nginx is another matter."""
    with listener(tls(tmp_path, pem(-3, "app.internal"))) as address:
        assert facts(tmp_path, address, elsewhere=1) is None


def test_one_that_has_expired(tmp_path: Path) -> None:
    """In nginx's words, which OpenSSL gives both; what nginx logged before counts no more."""
    with listener(tls(tmp_path, pem(-3, "app.internal"))) as address:
        found = facts(tmp_path, address)
    assert found["refused"] == "upstream SSL certificate verify error: (10:certificate has expired)"
    assert found["days_left"] == pytest.approx(-3, abs=0.2)
    old = f"*1 {found['refused']}{HANDSHAKING}"
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        assert facts(tmp_path, address, errors=(old,))["refused"] == ""


def test_one_of_another_authority(tmp_path: Path) -> None:
    """nginx trusts none but those of its file."""
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        facts(tmp_path, address)
        (tmp_path / "stranger.pem").write_bytes(pem(31, "app.internal"))
        found = facts(tmp_path, address, VERIFIED.replace("ca.pem", "stranger.pem"))
    assert found["refused"].startswith("upstream SSL certificate verify error: (20:")


@pytest.mark.parametrize("names", [("shop.example",), ("a.app.internal", "*.app.internal", "internal")])
def test_one_for_another_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Also where it is below, or above."""
    with listener(tls(tmp_path, pem(30, *names))) as address:
        assert facts(tmp_path, address)["refused"] == 'upstream SSL certificate does not match "app.internal"'


def test_of_what_names_do_not_say_nginx_has_the_word(tmp_path: Path) -> None:
    """An address, or a certificate with its name in its subject alone: only where nginx says so."""
    line = '*1 upstream SSL certificate does not match "127.0.0.1"' + HANDSHAKING
    by_address = VERIFIED.replace(" proxy_ssl_name app.internal;", "")
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        assert facts(tmp_path, address, by_address)["refused"] == ""
        refused = facts(tmp_path, address, by_address, errors=(line,))["refused"]
    assert refused == 'upstream SSL certificate does not match "127.0.0.1"'
    with listener(tls(tmp_path, pem(30))) as address:
        assert facts(tmp_path, address)["refused"] == ""


def test_what_only_nginx_can_find(tmp_path: Path) -> None:
    """A revocation list and the depth of a chain: its own word, as long as it is its last one."""
    line = "*1 upstream SSL certificate verify error: (22:certificate chain too long)" + HANDSHAKING
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        assert "(22:certificate chain too long)" in facts(tmp_path, address, errors=(line,))["refused"]


def test_where_nothing_is_verified_nothing_is_refused(tmp_path: Path) -> None:
    """nginx's default."""
    with listener(tls(tmp_path, pem(-3, "shop.example"))) as address:
        found = facts(tmp_path, address, "")
    assert (found["refused"], found["mismatch"]) == ("", False)


def test_authorities_that_cannot_be_read_are_unread(tmp_path: Path) -> None:
    """Then it is not known, unless nginx has said it."""
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        gone = VERIFIED.replace("ca.pem", "gone.pem")
        assert isinstance(facts(tmp_path, address, gone)["refused"], unread.Unread)
        line = "*1 upstream SSL certificate verify error: (10:certificate has expired)" + HANDSHAKING
        assert "(10:" in facts(tmp_path, address, gone, errors=(line,))["refused"]


def test_tls_to_what_speaks_plain_text_and_the_other_way_round(tmp_path: Path) -> None:
    """A listener that speaks plain text is asked for TLS only where nginx has met what does not answer it."""
    with listener(plain) as address:
        found = facts(tmp_path, address, "")
    assert (found["mismatch"], found["failure"], found["refused"]) == (True, "wrong version number", "")
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        assert facts(tmp_path, address, "", "http") is None
        line = "*1 upstream prematurely closed connection while reading response header from upstream" + TAIL
        found = facts(tmp_path, address, "", "http", (line,))
    assert found["mismatch"] is True


def test_what_does_not_answer_is_no_mismatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs, or hangs up, may speak either."""
    monkeypatch.setattr(upstream_tls, "SECONDS", 0.2)
    silent = threading.Event()
    for answer in (lambda _connection: silent.wait(1), lambda _connection: None):
        with listener(answer) as address:  # type: ignore[arg-type]
            found = facts(tmp_path, address)
        assert (found["mismatch"], found["refused"]) == (False, "")
        assert found["failure"]


def test_an_app_server_that_wants_a_certificate(tmp_path: Path) -> None:
    """It refuses a client without one only after the handshake; nginx's last word says so, and a connection of ours."""
    line = ALERT + " while reading response header from upstream" + TAIL
    with listener(tls(tmp_path, pem(30, "app.internal"), wants_certificate=True)) as address:
        found = facts(tmp_path, address, errors=(line,))
        assert found["ended"].endswith("SSL alert number 116) while reading response header from upstream")
        assert "alert certificate required" in found["failure"]
        assert (found["own_certificate"], found["own_days_left"]) == ("", None)
        # A certificate of nginx's own that has expired.
        (tmp_path / "own.pem").write_bytes(pem(-9, "nginx.internal"))
        found = facts(tmp_path, address, VERIFIED + " proxy_ssl_certificate own.pem;", errors=(line,))
        assert found["own_certificate"] == str(tmp_path / "own.pem")
        assert found["own_days_left"] == pytest.approx(-9, abs=0.2)
        # Something else has come after it.
        later = "*1 upstream timed out (110: Connection timed out) while reading response header from upstream" + TAIL
        assert facts(tmp_path, address, errors=(line, later))["ended"] == ""


def test_an_app_server_that_hangs_up_without_an_alert(tmp_path: Path) -> None:
    """As asyncio's does; where a connection of ours is not ended likewise, it may have been a restart."""
    line = "*1 peer closed connection in SSL handshake" + HANDSHAKING

    def hangs_up(connection: socket.socket) -> None:
        file = tmp_path / "app.pem"
        file.write_bytes(pem(30, "app.internal"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.wrap_socket(connection, server_side=True).close()

    with listener(hangs_up) as address:
        found = facts(tmp_path, address, errors=(line,))
    assert found["ended"] == "peer closed connection in SSL handshake while SSL handshaking to upstream"
    assert found["failure"]
    with listener(tls(tmp_path, pem(30, "app.internal"))) as address:
        assert facts(tmp_path, address, errors=(line,))["ended"] == ""
