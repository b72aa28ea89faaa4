"""Who starts an app that no unit of systemd's runs: read of control groups, command lines and the manager's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import supervisor
from ansible_collections.rescue502.django.plugins.module_utils.stack import other_managers
from ansible_collections.rescue502.django.plugins.module_utils.system import ancestry, processes, sockets

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("group", "container"),
    [
        (f"0::/system.slice/docker-{DIGEST}.scope\n", "0123456789ab"),
        (f"0::/machine.slice/libpod-{DIGEST}.scope/container\n", "0123456789ab"),
        (f"12:pids:/docker/{DIGEST}\n", "0123456789ab"),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{DIGEST}.scope\n", "0123456789ab"),
        ("0::/system.slice/docker.service\n", ""),
        ("0::/system.slice/shop.service\n", ""),
    ],
)
def test_a_containers_control_group(group: str, container: str) -> None:
    """Docker's and podman's, with version 1 and 2 of control groups; the daemon itself is none."""
    assert ancestry.container(group) == container


def test_a_unit_of_a_users_own_systemd() -> None:
    """Its user and its name; a system's unit and a login are none."""
    group = "0::/user.slice/user-1001.slice/user@1001.service/app.slice/shop.service\n"
    assert ancestry.user_unit(group) == (1001, "shop.service")
    assert ancestry.user_unit("0::/system.slice/shop.service\n") == (0, "")
    assert ancestry.is_in_session("0::/user.slice/user-0.slice/session-12.scope\n")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/usr/bin/python3", "/usr/bin/supervisord", "-n"], "supervisor"),
        (["runsv", "shop"], "runit"),
        (["uwsgi", "--emperor", "/etc/uwsgi/vassals"], "uwsgi-emperor"),
        (["uwsgi", "--ini", "shop.ini"], ""),
        (["/usr/sbin/cron", "-f"], "cron"),
        (["vim", "supervisord.conf"], ""),
        ([], ""),
    ],
)
def test_what_keeps_others_running(words: list[str], name: str) -> None:
    """By the program, or the script that an interpreter runs."""
    assert ancestry.supervisor_of(words) == name


def test_supervisors_words_are_read() -> None:
    """As supervisorctl 4.3 prints them; what it says of a failed connection is no program."""
    text = (
        "shop                             FATAL     Exited too quickly (process log may have details)\n"
        "jobs:worker_00                   RUNNING   pid 274, uptime 0:00:03\n"
        "off                              STOPPED   Nov 28 12:34 AM\n"
        "unix:///run/supervisor.sock no such file\n"
    )
    assert supervisor.parse_status(text) == {
        "shop": "FATAL Exited too quickly (process log may have details)",
        "jobs:worker_00": "RUNNING pid 274, uptime 0:00:03",
        "off": "STOPPED Nov 28 12:34 AM",
    }


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """supervisor's configuration, with a program in a file that it includes."""
    (tmp_path / "conf.d").mkdir()
    main, included = tmp_path / "supervisord.conf", tmp_path / "conf.d" / "shop.conf"
    main.write_text("[supervisord]\n[include]\nfiles = conf.d/*.conf\n", encoding="utf-8")
    included.write_text(
        "[program:shop]\ncommand=/srv/venv/bin/gunicorn shop.wsgi --bind 127.0.0.1:8000 ; the app\n"
        "directory=/srv/shop\nuser=shop\nenvironment=A=\"%(ENV_HOME)s\"\n[program:mail]\ncommand=/usr/bin/mailer\n",
        encoding="utf-8",
    )  # fmt: skip
    return main


def test_programs_are_read_with_what_is_included(configured: Path) -> None:
    """Comments and supervisor's own expressions do no harm."""
    shop = supervisor.programs(str(configured))["shop"]
    assert shop["command"] == ["/srv/venv/bin/gunicorn", "shop.wsgi", "--bind", "127.0.0.1:8000"]
    assert (shop["user"], shop["folder"]) == ("shop", "/srv/shop")


def processes_are(monkeypatch: pytest.MonkeyPatch, table: dict[int, tuple[int, str]]) -> None:
    """The host's processes: parent and command line of each; nothing of this machine's is looked at."""
    monkeypatch.setattr(processes, "pids", lambda: sorted(table))
    monkeypatch.setattr(processes, "parent", lambda pid: table[pid][0] if pid in table else 0)
    monkeypatch.setattr(processes, "command_words", lambda pid: table[pid][1].split() if pid in table else [])
    monkeypatch.setattr(processes, "variable", lambda _pid, name: "shop" if name.startswith("SUPERVISOR") else "")
    monkeypatch.setattr(processes, "folder", lambda _pid: "/srv/shop")
    monkeypatch.setattr(ancestry, "control_group", lambda _pid: "0::/system.slice/supervisor.service\n")
    monkeypatch.setattr(other_managers, "USER_UNITS", ())


def test_a_program_that_runs_and_one_that_does_not(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one by the kernel's word, with what it listens on; the other by supervisor's configuration."""
    daemon = (1, f"/usr/bin/python3 /usr/bin/supervisord -c {configured}")
    app = "/srv/venv/bin/python /srv/venv/bin/gunicorn shop.wsgi"
    processes_are(monkeypatch, {10: daemon, 20: (10, app), 21: (20, app)})
    held: list[dict[str, Any]] = [{"path": "", "host": "127.0.0.1", "port": 8000, "pid": 20}]
    monkeypatch.setattr(sockets, "listeners", lambda: held)
    (found,) = other_managers.find()
    assert (found["manager"], found["name"], found["pid"]) == ("supervisor", "shop", 20)
    assert (found["binds"], found["config"]) == (["127.0.0.1:8000"], str(configured))
    processes_are(monkeypatch, {10: daemon})
    monkeypatch.setattr(supervisor, "states", lambda _path: {"shop": "BACKOFF unknown error"})
    (found,) = other_managers.find()
    assert (found["state"], found["pid"], found["binds"]) == ("BACKOFF unknown error", 0, ["127.0.0.1:8000"])


def test_others_configuration_is_not_obeyed_as_root(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """supervisorctl is not run where others than root can write what it obeys."""
    configured.chmod(0o666)
    monkeypatch.setattr(supervisor.subprocess, "run", lambda *_words, **_more: pytest.fail("it was run"))
    assert supervisor.states(str(configured)) == {}
