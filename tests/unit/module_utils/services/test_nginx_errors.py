"""Lines of nginx's error log, as nginx 1.22 and 1.26 wrote them on hosts of the lab, by what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import nginx_log
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_errors

TAIL = ', client: 10.0.0.9, server: a.example, request: "GET /health/?x=1 HTTP/1.1", host: "a.example"'
CONNECTING = "while connecting to upstream" + TAIL
LINES = [
    ("*1 4 worker_connections are not enough " + CONNECTING, "worker-connections"),
    ("768 worker_connections are not enough", "worker-connections"),
    ("accept4() failed (24: Too many open files)", "open-files"),
    ("*1 socket() failed (24: Too many open files) " + CONNECTING, "open-files"),
    ("*1 upstream sent too big header while reading response header from upstream" + TAIL, "header-too-big"),
    ("*1 client intended to send too large body: 2097152 bytes" + TAIL, "body-too-big"),
    ("*1 client intended to send too large chunked body: 1+2 bytes" + TAIL, "body-too-big"),
    ('*1 limiting requests, excess: 5.000 by zone "one"' + TAIL, "request-rate"),
    ('*1 limiting connections by zone "addr"' + TAIL, "connection-count"),
    ("*1 no live upstreams " + CONNECTING, "no-live-upstreams"),
    ("*1 connect() failed (111: Connection refused) " + CONNECTING, "connect-refused"),
    ("*1 connect() failed (113: No route to host) " + CONNECTING, "connect-unreachable"),
    ("*1 connect() failed (101: Network is unreachable) " + CONNECTING, "connect-unreachable"),
    ("*1 connect() to unix:/run/a.sock failed (13: Permission denied) " + CONNECTING, "connect-denied"),
    ("*1 connect() to unix:/run/a.sock failed (2: No such file or directory) " + CONNECTING, "connect-missing"),
    (
        "*1 connect() to unix:/run/a.sock failed (11: Resource temporarily unavailable) " + CONNECTING,
        "connect-queue-full",
    ),
    ("*1 connect() to 127.0.0.1:8000 failed (99: Cannot assign requested address) " + CONNECTING, "local-ports"),
    ("*1 upstream timed out (110: Connection timed out) " + CONNECTING, "connect-timeout"),
    (
        "*1 upstream timed out (110: Connection timed out) while reading response header from upstream" + TAIL,
        "answer-timeout",
    ),
    (
        "*1 upstream prematurely closed connection while reading response header from upstream" + TAIL,
        "closed-early",
    ),
    (
        "*1 recv() failed (104: Connection reset by peer) while reading response header from upstream" + TAIL,
        "closed-early",
    ),
    (
        "*1 upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream"
        + TAIL,
        "upstream-certificate",
    ),
    (
        '*1 upstream SSL certificate does not match "app.internal" while SSL handshaking to upstream' + TAIL,
        "upstream-certificate",
    ),
    (
        "*1 SSL_do_handshake() failed (SSL: error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number"
        " 40) while SSL handshaking to upstream" + TAIL,
        "upstream-alert",
    ),
    (
        "*1 SSL_read() failed (SSL: error:0A00045C:SSL routines::tlsv13 alert certificate required:SSL alert number"
        " 116) while reading response header from upstream" + TAIL,
        "upstream-alert",
    ),
    ("*1 peer closed connection in SSL handshake while SSL handshaking to upstream" + TAIL, "upstream-handshake"),
    (
        "*1 SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking"
        " to upstream" + TAIL,
        "not-http",
    ),
    ('*1 upstream sent invalid header: "\\x15\\x03..." while reading response header from upstream' + TAIL, "not-http"),
    ("*1 no resolver defined to resolve app.internal" + TAIL, "resolver"),
    ("*1 app.internal could not be resolved (3: Host not found)" + TAIL, "resolver"),
    ('*1 open() "/srv/a/media/x.png" failed (13: Permission denied)' + TAIL, "file-denied"),
    ('*1 "/srv/a/static/index.html" is forbidden (13: Permission denied)' + TAIL, "file-denied"),
    (
        '*1 open() "/var/lib/nginx/proxy/1/00/0000000001" failed (13: Permission denied) while reading upstream' + TAIL,
        "temporary-file",
    ),
    (
        '*1 open() "/var/lib/nginx/body/0000000001" failed (13: Permission denied)' + TAIL,
        "temporary-file",
    ),
    ('*1 open() "/srv/a/static/x" failed (2: No such file or directory)' + TAIL, "ordinary"),
    ("*1 access forbidden by rule" + TAIL, "ordinary"),
    ("*1 SSL_do_handshake() failed (SSL: error:0A00010B:wrong version number) while SSL handshaking", "ordinary"),
    ("*1 rewrite or internal redirection cycle while internally redirecting to " + '"/x"' + TAIL, "internal-cycle"),
    ("worker process 17 exited on signal 11", ""),
    ("*1 something that no version says today" + TAIL, ""),
]


@pytest.mark.parametrize(("text", "name"), LINES)
def test_a_line_is_known_by_name(text: str, name: str) -> None:
    """A connection that is refused is not an answer that is late; what a visitor does is not a fault."""
    assert nginx_errors.name_of(text) == name


def test_what_is_not_known_is_reported_as_it_stands() -> None:
    """Each known kind once with its count; the rest word for word, if it is severe; what is ordinary not at all."""
    lines = [{"when": 1.0, "level": "error", "text": text, "path": ""} for text, _name in LINES]
    lines.append({"when": 2.0, "level": "notice", "text": "signal 17 (SIGCHLD) received", "path": ""})
    found = nginx_log.reports(lines)
    assert found["reported"] == [LINES[-1][0], LINES[-2][0]]
    known = {item["name"]: item for item in found["known"]}
    assert nginx_errors.ORDINARY not in known
    assert known["open-files"]["count"] == 2
    assert known["worker-connections"]["paths"] == ["/health/"]
    assert known["file-denied"]["files"] == ["/srv/a/static/index.html", "/srv/a/media/x.png"]


def line(when: float, text: str) -> dict[str, Any]:
    """A line of the log at a time."""
    return {"when": when, "level": "error", "text": text + TAIL, "path": "/health/"}


def test_what_nginx_says_no_more_is_marked() -> None:
    """What it said while the app was started is over; of a server that failed it says nothing for ten seconds."""
    missing = "*1 connect() to unix:/run/a.sock failed (2: No such file or directory) while connecting to upstream"
    header = "*1 upstream sent too big header while reading response header from upstream"
    said = [line(90.0, missing), line(100.0, header)]
    earlier = {item["name"]: item.get("earlier") for item in nginx_log.reports(said, 100.7)["known"]}
    assert earlier == {"connect-missing": True, "header-too-big": None}, "nginx writes whole seconds"
    assert "earlier" not in nginx_log.reports([line(90.0, missing), line(101.0, missing)], 100.7)["known"][0]
    assert "earlier" not in nginx_log.reports(said, 0)["known"][1], "it is not known when the edge was asked"
    waits = [*said, line(101.0, "*1 no live upstreams while connecting to upstream")]
    assert not any("earlier" in item for item in nginx_log.reports(waits, 100.7)["known"])
    assert nginx_log.reports([line(89.0, missing), *waits[2:]], 100.7)["known"][1]["earlier"] is True


def test_the_addresses_that_nginx_dials_in_vain() -> None:
    """By the lines of connections that were not made; one that was made and ended counts for nothing."""
    end = ', server: a, request: "GET / HTTP/1.1", upstream: "http://{}/x", host: "a"'
    said = [
        ("*1 connect() failed (111: Connection refused) while connecting to upstream", "10.0.0.5:8000"),
        ("*2 upstream timed out (110: Connection timed out) while connecting to upstream", "[fd00::5]:8000"),
        ("*3 upstream timed out (110: Connection timed out) while reading response header from upstream", "10.0.0.6:1"),
        ("*4 connect() failed (111: Connection refused) while connecting to upstream", "10.0.0.5:8000"),
    ]
    lines = [{"when": 1.0, "level": "error", "text": text + end.format(place), "path": ""} for text, place in said]
    assert nginx_log.dialled_in_vain(lines) == [("10.0.0.5", 8000), ("fd00::5", 8000)]


@pytest.mark.parametrize(
    ("name", "logged", "is_ours"),
    [(".a.example", "a.example", True), ("a.example", "a.example", True), ("a.example", "b.example", False)],
)
def test_a_line_is_about_the_apps_server(
    monkeypatch: pytest.MonkeyPatch, name: str, logged: str, is_ours: bool
) -> None:
    """nginx writes a name with a leading dot without it."""
    line = f"2026/11/29 03:02:39 [error] 263#263: *3 no resolver defined to resolve x, client: ::1, server: {logged}, "
    monkeypatch.setattr(nginx_log.edge, "tail", lambda _log: line)
    stack: Any = SimpleNamespace(locations=[{"server_names": [name], "error_log": ""}], nginx_error_log="")
    assert bool(nginx_log.errors(stack, 0.0)) is is_ours
