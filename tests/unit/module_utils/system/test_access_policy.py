"""What SELinux and AppArmor refused, on lines as kernels have written them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import policy_denials
from ansible_collections.rescue502.django.plugins.module_utils.system import access_policy

NOW = 1700000100.0
HEAD = "type=AVC msg=audit(1700000090.412:{}): "
CONTEXTS = "scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:{}:s0 tclass={} permissive=0"
CONNECT = (
    HEAD.format(1)
    + 'avc:  denied  { name_connect } for  pid=812 comm="nginx" dest=8000 '
    + CONTEXTS.format("soundd_port_t", "tcp_socket")
)
SOCKET = (
    HEAD.format(2)
    + 'avc:  denied  { write } for  pid=812 comm="nginx" name="gunicorn.sock" dev="tmpfs" ino=24 '
    + CONTEXTS.format("var_run_t", "sock_file")
)
STATIC = (
    "audit: type=1400 audit(1700000091.007:3): "
    'avc:  denied  { read } for  pid=812 comm="nginx" path="/srv/shop/static/a.css" dev="vda1" ino=7 '
    + CONTEXTS.format("user_home_t", "file")
)
EXECUTE = (
    HEAD.format(4) + 'avc:  denied  { execute } for  pid=990 comm="(gunicorn)" name="gunicorn" dev="vda1" ino=9 '
    "scontext=system_u:system_r:init_t:s0 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0"
)
OPEN = (
    "audit: type=1400 audit(1700000092.100:5): "
    'apparmor="DENIED" operation="open" class="file" profile="shop" name="/srv/shop/.env" pid=700 comm="gunicorn" '
    'requested_mask="r" denied_mask="r" fsuid=33 ouid=33'
)
ODD = (
    'AVC apparmor="DENIED" operation="mknod" profile="shop" name=2F7372762F73686F702F612062 pid=700 comm="gunicorn" '
    'requested_mask="c" denied_mask="c" fsuid=33 ouid=33'
)
ELSEWHERE = CONNECT.replace("dest=8000", "dest=9000").replace(":1)", ":6)")
PERMISSIVE = CONNECT.replace("permissive=0", "permissive=1")
ALLOWED = OPEN.replace("DENIED", "ALLOWED")
BOTH = ["selinux", "apparmor"]


def denied(
    monkeypatch: pytest.MonkeyPatch,
    *lines: str,
    policies: list[str] | None = None,
    pids: tuple[int, ...] = (700,),
    state: str = "active",
) -> list[dict[str, Any]]:
    """What a stack was refused by these lines, each of ten seconds ago."""
    given = [(access_policy.stamp(line) or NOW - 10, line) for line in lines]
    chosen = BOTH if policies is None else policies

    def judged(whose: access_policy.Whose) -> list[dict[str, Any]]:
        return access_policy.judged(given, chosen, whose, NOW - 600, NOW)

    monkeypatch.setattr(access_policy, "denials", judged)
    stack: Any = SimpleNamespace(
        properties={"ExecMainPID": "990", "ActiveState": state}, root="/srv/shop", static_locations=[],
        locations=[{"addresses": ["127.0.0.1:8000", "unix:/run/shop/gunicorn.sock"]}],
    )  # fmt: skip
    evidence = {
        "service": {"processes": [{"pid": pid} for pid in pids]},
        "database": {"local": True, "listening": True},
    }
    found: list[dict[str, Any]] = policy_denials.collect(stack, evidence)
    return found


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (CONNECT, ("nginx", "selinux", "name_connect", "", 8000, "httpd_t", "soundd_port_t")),
        (SOCKET, ("nginx", "selinux", "write", "gunicorn.sock", 0, "httpd_t", "var_run_t")),
        (STATIC, ("nginx", "selinux", "read", "/srv/shop/static/a.css", 0, "httpd_t", "user_home_t")),
        (EXECUTE, ("app", "selinux", "execute", "gunicorn", 0, "init_t", "user_home_t")),
        (OPEN, ("app", "apparmor", "open (r)", "/srv/shop/.env", 0, "shop", "")),
        (ODD, ("app", "apparmor", "mknod (c)", "/srv/shop/a b", 0, "shop", "")),
    ],
)
def test_what_the_stack_was_refused(monkeypatch: pytest.MonkeyPatch, line: str, wanted: tuple[Any, ...]) -> None:
    """Who by which policy, what of what, in which domain or profile."""
    (found,) = denied(monkeypatch, line)
    assert tuple(found[key] for key in ("of", "by", "what", "target", "port", "subject", "label")) == wanted
    assert 0 < found["ago"] <= 10


@pytest.mark.parametrize("line", [PERMISSIVE, ALLOWED, ELSEWHERE, "avc:  granted  { null } for  pid=700", "", "nginx"])
def test_nothing_was_refused(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Where the policy only watches or has allowed it, and where nginx was refused another site's port."""
    assert denied(monkeypatch, line) == []


def test_only_a_policy_that_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of one that has been turned off since, or of more than ten minutes ago, counts no more."""
    assert denied(monkeypatch, CONNECT, policies=["apparmor"]) == []
    assert denied(monkeypatch, CONNECT.replace("1700000090", "1699999000")) == []


def test_others_on_the_host_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gunicorn that is not this app's, while this app runs; where it has ended, it may have been it."""
    assert denied(monkeypatch, OPEN, pids=(1,)) == []
    assert [item["of"] for item in denied(monkeypatch, OPEN, pids=(), state="failed")] == ["app"]


def test_the_same_refusal_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how often it was; the very same line in two logs is one."""
    again = CONNECT.replace("1700000090", "1700000095").replace(":1)", ":9)")
    (found,) = denied(monkeypatch, CONNECT, CONNECT, again)
    assert (found["count"], round(found["ago"])) == (2, 5)


def test_a_kernel_with_neither(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing is looked for, and nothing is said."""
    for name in ("SELINUX", "APPARMOR"):
        monkeypatch.setattr(access_policy, name, str(tmp_path / "none"))
    assert access_policy.in_force() == []
    assert access_policy.denials(lambda _item: "app") is None


@pytest.mark.parametrize(
    ("selinux", "apparmor", "found"),
    [
        ("1", "", ["selinux"]),
        ("0", "", []),
        ("0", "nginx (enforce)\n", ["apparmor"]),
        ("1", "nginx (complain)\n", ["selinux"]),
    ],
)
def test_which_is_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, selinux: str, apparmor: str, found: list[str]
) -> None:
    """SELinux that enforces, AppArmor with a profile that does."""
    for name, text in (("SELINUX", selinux), ("APPARMOR", apparmor)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(access_policy, name, str(tmp_path / name))
    assert access_policy.in_force() == found
