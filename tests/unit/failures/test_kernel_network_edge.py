"""Kinds of the kernel, the network and the edge, judged on recordings and on such with one thing different."""

from __future__ import annotations

from typing import Any

import pytest
from changed_recordings import Change, Evidence, causes, found


def because(name: str, *changes: Change) -> str:
    """Why, in its own words, of the one root cause of that name."""
    (cause,) = [cause for cause in found(name, *changes).root_causes if cause.id == name]
    return cause.because


def denied(**changed: Any) -> Change:
    """Another refusal in the place of the recorded one."""
    return lambda evidence: evidence["host"]["policy_denials"][0].update(changed)


SELINUX = {"by": "selinux", "subject": "httpd_t"}


@pytest.mark.parametrize(
    ("refusal", "command"),
    [
        ({"what": "name_connect", "kind": "tcp_socket"}, "setsebool -P httpd_can_network_connect on"),
        ({"what": "name_bind", "kind": "tcp_socket", "port": 8000}, "semanage port -a -t http_port_t -p tcp 8000"),
        ({"what": "read", "kind": "file", "target": "/srv/shop/a.css", "port": 0}, "restorecon -Rv"),
    ],
)
def test_selinux_has_its_own_command_for_each_kind(refusal: dict[str, Any], command: str) -> None:
    """A boolean for connections, a type for a port, labels for files; the recorded line is AppArmor's."""
    (cause,) = found("host/access-policy", denied(**SELINUX, **refusal)).root_causes
    assert (cause.id, cause.risk) == ("host/access-policy", "never")
    assert command in cause.by_hand
    assert "SELinux" in cause.because


def test_without_a_refusal_no_policy_is_named() -> None:
    """Neither where a policy is in force and has refused nothing, nor where there is none: what else is seen counts."""
    assert causes("host/access-policy", lambda e: e["host"].update(policy_denials=[])) == ["proxy/upstream-unreachable"]
    assert causes("host/access-policy", lambda e: e["host"].pop("policy_denials")) == ["proxy/upstream-unreachable"]


def test_a_full_table_is_known_by_its_numbers_or_by_the_kernels_word() -> None:
    """Half full, it is no cause; it is where packets were dropped a minute ago, and not where that was earlier."""

    def half(dropped: float | None) -> Change:
        return lambda e: e["host"]["conntrack"].update(count=30000, dropped=dropped)

    assert causes("host/conntrack-full") == ["host/conntrack-full"]
    assert causes("host/conntrack-full", half(None)) == ["proxy/upstream-unreachable"]
    assert causes("host/conntrack-full", half(60.0)) == ["host/conntrack-full"]
    assert causes("host/conntrack-full", half(250.0)) == ["proxy/upstream-unreachable"]


def test_local_ports_by_connections_that_have_ended() -> None:
    """The usual way: TIME_WAIT towards the app; an address that nginx may not bind is another matter."""
    gone = {"destination": "127.0.0.1:8000", "waiting": 20, "listening": 0, "holders": []}
    text = because("host/local-ports-exhausted", lambda e: e["host"]["local_ports"].update(gone))
    assert "towards 127.0.0.1:8000, 20 of them by connections that have ended" in text
    assert "host/local-ports-exhausted" not in causes(
        "host/local-ports-exhausted", lambda e: e["host"].pop("local_ports")
    )


def test_work_is_told_from_a_hang() -> None:
    """Workers that have no work to do hang; those that work, of which it is not known where, are not blamed either."""
    assert causes("code/request-eats-cpu") == ["code/request-eats-cpu"]
    assert "code/request-eats-cpu" not in causes("code/request-eats-cpu", lambda e: e["host"].pop("busy"))
    assert "code/request-eats-cpu" not in causes("code/request-eats-cpu", lambda e: e["rehearsal"].pop("working_in"))
    hung = [
        {
            "pid": 9,
            "command": "postgres",
            "unit": "postgresql@15-main.service",
            "percent": 90,
            "waited": 0,
            "ours": False,
        }
    ]
    assert "code/request-eats-cpu" not in causes("code/request-eats-cpu", lambda e: e["host"].update(busy=hung))


def long_query(**changed: Any) -> Change:
    """One long query with these facts in the place of all recorded ones."""

    def change(evidence: Evidence) -> None:
        activity = evidence["database_activity"]
        activity["long_queries"] = [{**activity["long_queries"][0], **changed}]

    return change


@pytest.mark.parametrize(
    ("changed", "is_the_cause"),
    [
        ({"unit": "xamila.service", "waits": "IO"}, True),
        # A client that is gone: a worker that ran out of time.
        ({"unit": ""}, True),
        # Others' reports may take as long as they like.
        ({"unit": "cron.service"}, False),
        ({"unit": "", "user": "reports"}, False),
        ({"unit": "", "client": "local"}, False),
    ],
)
def test_whose_query_it_is(changed: dict[str, Any], is_the_cause: bool) -> None:
    """The app's own, as far as that can be seen; and none where a lock is what is waited for."""
    assert ("database/long-query" in causes("database/long-query", long_query(**changed))) is is_the_cause


def busy(*shares: tuple[str, int, int]) -> Change:
    """(unit, percent, waited) of busy processes, in the place of what memory has stalled."""

    def change(evidence: Evidence) -> None:
        del evidence["host"]["memory_stalls"]
        ours = evidence["stack"]["unit"]
        evidence["host"]["cpus"] = 2
        evidence["host"]["busy"] = [
            {"pid": 7, "command": "x", "unit": unit or ours, "percent": part, "waited": waited, "ours": not unit}
            for unit, part, waited in shares
        ]

    return change


@pytest.mark.parametrize(
    ("shares", "is_the_cause"),
    [
        ((("", 3, 95), ("report.service", 99, 0), ("report.service", 98, 2)), True),
        ((("", 3, 95), ("backup.service", 99, 0), ("session-3.scope", 98, 2)), True),
        # The app does not wait for a processor; one is free; who else works does so for this site.
        ((("report.service", 99, 0), ("report.service", 98, 2)), False),
        ((("", 90, 10), ("report.service", 99, 0), ("report.service", 98, 2)), False),
        ((("", 3, 95), ("report.service", 99, 0)), False),
        ((("", 3, 95), ("postgresql@15-main.service", 99, 0), ("nginx.service", 98, 2)), False),
    ],
)
def test_a_neighbour_that_takes_the_processors(shares: tuple[tuple[str, int, int], ...], is_the_cause: bool) -> None:
    """All of them, while the app waits for one."""
    assert ("host/neighbour-takes-all" in causes("host/neighbour-takes-all", busy(*shares))) is is_the_cause


def test_a_neighbour_is_not_the_app_itself() -> None:
    """Of the memory, where the app or its database holds the most."""
    for unit in ("xamila.service", "postgresql@15-main.service"):

        def own(evidence: Evidence, unit: str = unit) -> None:
            evidence["host"]["memory"]["largest"][0]["unit"] = unit

        assert "host/neighbour-takes-all" not in causes("host/neighbour-takes-all", own)


def test_a_name_that_is_not_resolved_explains_what_nginx_refuses() -> None:
    """Of nginx's own words; a configuration that is wrong otherwise explains that nginx and the app do not meet."""
    name = "proxy/upstream-unresolved"
    assert {each.id for each in found(name).findings} >= {name, "proxy/config-invalid", "proxy/upstream-mismatch"}
    assert causes(name) == [name]
    other = 'unknown directive "oops" in /etc/nginx/nginx.conf:3'
    assert causes(name, lambda e: e["proxy"]["test"].update(message=other)) == ["proxy/config-invalid"]

    # Of a name in a variable, nginx's resolver is asked at each request, and its configuration is valid.
    def asked_later(evidence: Evidence) -> None:
        known = {"name": "resolver", "text": "backend could not be resolved (3: Host not found)", "count": 4}
        empty = {"paths": ["/"], "files": [], "words": "", "file": "", "line": 0, "denied": []}
        evidence["proxy"]["known_errors"] = [{**known, **empty}]
        evidence["proxy"]["test"].update(valid=True, message="")
        evidence["proxy"]["unit"].update(active_state="active")

    assert name in causes(name, asked_later)
    assert "could not be resolved" in because(name, asked_later)


def test_each_fault_of_nginxs_cors_lines_has_its_words() -> None:
    """Errors without `always`, another origin, and the recorded one, a block that inherits nothing."""

    def fault(name: str, **changed: Any) -> Change:
        return lambda e: e["proxy"]["cors"][0].update(fault=name, **changed)

    assert "is not inherited" in because("edge/cors-lost-in-nginx")
    assert "lacks `always`" in because("edge/cors-lost-in-nginx", fault("success-only", status=404))
    other = fault("other-origin", allowed="https://old.example")
    assert "allows an origin that is not" in because("edge/cors-lost-in-nginx", other)
    # Without a line of nginx's it is the app that does not allow it.
    assert causes("edge/cors-lost-in-nginx", lambda e: e["proxy"].pop("cors")) == ["edge/cors-not-allowed"]


def test_a_wildcard_without_cookies_is_no_fault() -> None:
    """`*` alone is what a public API says."""

    def plain(evidence: Evidence) -> None:
        for check in evidence["edge"]["checks"]:
            check["cors"].pop("credentials", None)

    assert [each.id for each in found("edge/cors-credentials").findings] == ["edge/cors-credentials"]
    assert found("edge/cors-credentials", plain).findings == ()
