"""Why a unit was not started: systemd's words, sockets and pid files that are in the way."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import addresses, log, startup
from ansible_collections.rescue502.django.plugins.module_utils.files import access
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd
from ansible_collections.rescue502.django.plugins.modules import remove_stale


@pytest.fixture(autouse=True)
def no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other units systemd says nothing."""
    monkeypatch.setattr(systemd, "show_many", lambda *_asked: [])


EXEC = (
    "{{ path=/bin/sh ; argv[]=/bin/sh -c x; y ; ignore_errors={} ; start_time=[n/a] ; stop_time=[n/a] ; pid=7 ; "
    "code={} ; status={} }}"
)


@pytest.mark.parametrize(
    ("ignored", "code", "status", "named"),
    [
        ("no", "exited", "3", True),
        ("no", "exited", "3/NOTIMPLEMENTED", True),
        ("no", "killed", "15/TERM", True),
        ("no", "exited", "0", False),
        ("no", "(null)", "0/0", False),
        ("yes", "exited", "3", False),
    ],
)
def test_a_command_that_failed(ignored: str, code: str, status: str, named: bool) -> None:
    """Only one that ended badly and may not: not one that was never run, nor one with `-` before it."""
    shown = {"ActiveState": "failed", "ExecStartPre": EXEC.format(ignored, code, status)}
    found = startup.collect(shown)["failed"]
    assert bool(found) is named
    assert not named or (found[0]["directive"], found[0]["command"]) == ("ExecStartPre", "/bin/sh -c x; y")


def test_a_step_of_systemd_is_named_in_words() -> None:
    """Status 226 is the namespace; the same status of a running unit's command says nothing."""
    shown = {"ActiveState": "failed", "ExecStart": EXEC.format("no", "exited", "226")}
    assert startup.collect(shown)["step"]["what"] == "setting up the file system namespace"
    assert startup.collect({**shown, "ActiveState": "active"})["step"]["status"] == 0


def test_a_step_whose_obstacle_was_moved_says_nothing_any_more(tmp_path: Path) -> None:
    """The program could not be executed, or the folder not be entered, unless its way was changed since."""
    program = tmp_path / "run"
    failed = {
        200: EXEC.format("no", "exited", "200"),
        203: EXEC.format("no", "exited", "203").replace("/bin/sh -c x; y", str(program)),
    }
    just_now = str(int((time.monotonic() + 1) * 1e6))
    for status, value in failed.items():
        shown = {"ActiveState": "failed", "ExecStart": value, "WorkingDirectory": str(tmp_path)}
        shown["ExecMainExitTimestampMonotonic"] = just_now
        assert startup.collect(shown)["step"]["status"] == status
        shown["ExecMainExitTimestampMonotonic"] = str(int((time.monotonic() - 60) * 1e6))
        program.write_text("")
        assert startup.collect(shown)["step"]["status"] == 0


def test_a_unit_that_was_never_tried_has_no_unmet_condition() -> None:
    """ConditionResult is `no` from the beginning."""
    shown = {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "0"}
    assert startup.collect(shown)["condition"]["unmet"] is False


def test_a_stale_socket_is_one_without_a_listener(tmp_path: Path) -> None:
    """Not a socket that somebody listens on, not another file, not nothing."""
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert not addresses.is_stale_socket(str(path))
    assert addresses.is_stale_socket(str(path))
    path.unlink()
    assert not addresses.is_stale_socket(str(path))
    path.write_text("")
    assert not addresses.is_stale_socket(str(path))


def test_a_pid_file_is_read_with_care(tmp_path: Path) -> None:
    """A number or nothing; a link is not followed, whatever it leads to."""
    path, link = tmp_path / "app.pid", tmp_path / "link"
    path.write_text("41\n")
    link.symlink_to(path)
    assert (addresses.read_pid(str(path)), addresses.read_pid(str(link))) == (41, 0)
    path.write_text("root:x:0:0")
    assert addresses.read_pid(str(path)) == 0


@pytest.fixture
def server() -> Iterator[int]:
    """A process whose command line has the name of the app `shop.wsgi`; its pid."""
    words = [sys.executable, "-c", "print(flush=True); input()", "shop.wsgi"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        # A process that has only begun has no command line yet.
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


def test_the_app_is_known_by_what_it_runs(server: int) -> None:
    """A process is the app where its command line has the app's name, and not where it has another's."""
    assert "shop.wsgi" in processes.command_line(server)
    assert addresses.is_app(server, "shop.service", "gunicorn", "/srv/shop/venv", "shop.wsgi")
    assert not addresses.is_app(server, "shop.service", "gunicorn", "/srv/shop/venv", "library.wsgi")


def test_folders_that_systemd_makes() -> None:
    """RuntimeDirectory= with its parents, and with a link's name behind a colon."""
    shown = {"RuntimeDirectory": "shop/web other:link"}
    assert systemd.runtime_directories(shown) == ["/run/shop/web", "/run/shop", "/run/other"]


def test_the_request_that_timed_out() -> None:
    """It is the one before SystemExit; a failing request with another exception is not."""
    lines = [
        "[2026-01-31 12:00:00 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:2)",
        "[2026-01-31 12:00:00 +0000] [2] [ERROR] Error handling request /slow/?page=2",
        "Traceback (most recent call last):",
        "SystemExit: 1",
        "[2026-01-31 12:00:01 +0000] [3] [ERROR] Error handling request /broken/",
        "ValueError: x",
    ]
    assert log._timed_out_paths(lines) == ["/slow/"]
    assert not log._is_recent(lines[0])


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("gunicorn: error: unrecognized arguments: --x", True),
        ("Error: '/etc/none.py' doesn't exist", True),
        ("Error: No such option: --x", True),
        ("Error: Already running on PID 1 (or pid file '/run/a.pid' is stale)", False),
        ("ValueError: Error: x", False),
    ],
)
def test_a_server_that_refuses_its_options(line: str, refused: bool) -> None:
    """Its last words are distinguished from another's."""
    assert bool(log._REFUSAL.match(line)) is refused


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("socket", "", "it is not a socket"),
        ("pidfile", "root:x:0:0\n", "it holds no process id"),
        ("pidfile", "1\n", ""),
        ("pidfile", "{server}\n", "process {server} is the app"),
    ],
)
def test_what_is_not_stale_stays(tmp_path: Path, server: int, kind: str, content: str, reason: str) -> None:
    """The remedy looks again itself, whatever its arguments say."""
    path = tmp_path / "left"
    path.write_text(content.format(server=server))
    given = {"kind": kind, "unit": "shop.service", "server": "gunicorn", "venv": "", "app": "shop.wsgi"}
    assert remove_stale.why_not(given, str(path)) == reason.format(server=server)


def test_a_link_is_not_a_pid_file(tmp_path: Path) -> None:
    """What it leads to may be anybody's."""
    link = tmp_path / "app.pid"
    link.symlink_to("/etc/hostname")
    given = {"kind": "pidfile", "unit": "shop.service", "server": "gunicorn", "venv": "", "app": ""}
    assert remove_stale.why_not(given, str(link)) == "it is not a file"


def test_who_may_remove_from_a_folder_of_everybody(tmp_path: Path) -> None:
    """With the sticky bit the owner of the file or of the folder; without it anybody who may write there."""
    account = access.Account("nobody", None)
    file = tmp_path / "app.sock"
    file.touch()
    tmp_path.chmod(0o1777)
    assert not addresses._may_remove(account, tmp_path.stat(), file.stat())
    tmp_path.chmod(0o777)
    assert addresses._may_remove(account, tmp_path.stat(), file.stat())


def test_a_required_unit_whose_name_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """`systemctl show` quotes names with a backslash: the slice of a template unit with a dash in its name is up."""
    slice_name = "system-clinic\\x2dweb.slice"

    def known_units(names: list[str], _properties: list[str]) -> list[dict[str, str]]:
        loaded = {slice_name, "sysinit.target"}
        return [
            {"Id": name, "LoadState": "loaded" if name in loaded else "not-found", "ActiveState": "active"}
            for name in names
        ]

    monkeypatch.setattr(systemd, "show_many", known_units)
    shown = {"ActiveState": "inactive", "Requires": 'sysinit.target "system-clinic\\\\x2dweb.slice"'}
    assert systemd.words(shown["Requires"]) == ["sysinit.target", slice_name]
    assert startup.collect(shown)["dependencies"] == []
    shown["Requires"] += ' vault.service "srv-media\\\\x2dold.mount"'
    named = [item["name"] for item in startup.collect(shown)["dependencies"]]
    assert named == ["vault.service", "srv-media\\x2dold.mount"]
