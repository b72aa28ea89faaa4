"""Who starts an app that no unit of systemd's runs: read of control groups, command lines and the manager's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    containers,
    last_words,
    supervisor,
    uwsgi_emperor,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_units, other_managers, stopped_apps
from ansible_collections.rescue502.django.plugins.module_utils.system import ancestry, processes, sockets

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("group", "container"),
    [
        (f"0::/system.slice/docker-{DIGEST}.scope\n", ("docker", DIGEST)),
        (f"0::/machine.slice/libpod-{DIGEST}.scope/container\n", ("podman", DIGEST)),
        (f"0::/system.slice/shop.service/libpod-payload-{DIGEST}\n", ("podman", DIGEST)),
        (f"12:pids:/docker/{DIGEST}\n", ("docker", DIGEST)),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{DIGEST}.scope\n", ("container", DIGEST)),
        (f"0::/machine.slice/libpod-conmon-{DIGEST}.scope\n", ("", "")),
        ("0::/system.slice/docker.service\n", ("", "")),
        ("0::/system.slice/shop.service\n", ("", "")),
    ],
)
def test_a_containers_control_group(group: str, container: tuple[str, str]) -> None:
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
        (["uwsgi", "--emperor", "/etc/uwsgi/vassals"], ""),
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
    monkeypatch.setattr(stopped_apps, "USER_UNITS", ())
    monkeypatch.setattr(app_units, "commands", dict)
    monkeypatch.setattr(containers, "find", list)


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


def a_record(**more: Any) -> dict[str, Any]:
    """A container's document, as Docker 20.10 and podman 4.3 give it."""
    return {
        "Id": DIGEST,
        "Name": "/shop",
        "Path": "/srv/venv/bin/gunicorn",
        "Args": ["shop.wsgi", "--bind", "0.0.0.0:8000"],
        "RestartCount": 0,
        "State": {"Status": "running", "Pid": 7, "ExitCode": 0, "StartedAt": "2026-11-28T03:18:12.03297884Z"},
        "Config": {"WorkingDir": "/srv/shop", "Labels": None},
        "HostConfig": {"PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8321"}], "53/udp": None}},
        "NetworkSettings": {"IPAddress": "172.17.0.2", "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        **more,
    }


def test_a_containers_document_is_read() -> None:
    """Where it listens, inside and out, and its state in words."""
    box = containers.described(a_record(), "docker")
    assert (box["name"], box["state"], box["addresses"]) == ("shop", "running", ["172.17.0.2"])
    assert box["publishes"] == [{"address": "127.0.0.1:8321", "inside": 8000}]
    looping = {"Status": "restarting", "Pid": 0, "ExitCode": 137, "OOMKilled": True, "Error": ""}
    box = containers.described(a_record(State=looping, RestartCount=4), "docker")
    assert box["state"] == "restarting, ended with status 137, out of memory, restarted 4 times"
    assert containers.described(a_record(), "docker", engine_runs=False)["state"] == "docker does not run"
    made = containers.described(a_record(Config={"Labels": {"PODMAN_SYSTEMD_UNIT": "shop.service"}}), "podman")
    assert made["unit"] == "shop.service"


def test_dockers_log_is_read_out_of_its_pieces() -> None:
    """Eight bytes stand before each, unless the container has a terminal."""
    pieces = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x04\ntwo"
    assert containers._plain(pieces) == "one\ntwo"
    assert containers._plain(b"plain text") == "plain text"


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ([("0.0.0.0", 8000)], ""),
        ([("127.0.0.1", 8000)], "must bind 0.0.0.0"),
        ([("0.0.0.0", 9000)], "where nobody listens, but on 0.0.0.0:9000"),
        ([("127.0.0.1", 8000), ("172.17.0.2", 8000)], ""),
    ],
)
def test_a_published_port_that_leads_nowhere(inside: list[tuple[str, int]], words: str) -> None:
    """What is published must be listened on inside, and not on the container's own loopback alone."""
    publishes = containers.described(a_record(), "docker")["publishes"]
    found = other_managers._unreached(publishes, [{"host": host, "port": port} for host, port in inside])
    assert (words in found) if words else not found


def test_containers_that_do_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that runs an app server, one that publishes nginx's port by a script, and one of somebody else's."""
    processes_are(monkeypatch, {})
    monkeypatch.setattr(sockets, "listeners", list)
    ended = {"Status": "exited", "ExitCode": 3, "Pid": 0}
    script = a_record(Name="/web", Path="/entrypoint.sh", Args=[], State=ended)
    other = a_record(Name="/redis", Path="redis-server", Args=[], State=ended, HostConfig={})
    found = [containers.described(item, "docker") for item in (a_record(State=ended), script, other)]
    monkeypatch.setattr(containers, "find", lambda: found)
    apps = other_managers.find({"127.0.0.1:8321"})
    assert [(app["manager"], app["name"], app["state"]) for app in apps] == [
        ("docker", "shop", "exited, ended with status 3"),
        ("docker", "web", "exited, ended with status 3"),
    ]
    assert [app["name"] for app in other_managers.find()] == ["shop"]


def test_units_that_run_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they publish or start; Docker's own unit, and one of something else, are none."""
    processes_are(monkeypatch, {})
    units = {
        "box.service": "/usr/bin/podman run --rm --name shop -p 127.0.0.1:8321:8000 image",
        "bare.service": "/usr/bin/docker run --name=web image /venv/bin/gunicorn web.wsgi",
        "redis.service": "/usr/bin/podman run --name redis -p 6379:6379 redis",
        "docker.service": "/usr/sbin/dockerd -H fd://",
    }
    monkeypatch.setattr(app_units, "commands", lambda: {name: words.split() for name, words in units.items()})
    monkeypatch.setattr(sockets, "listeners", list)
    apps = other_managers.find({"127.0.0.1:8321"})
    assert [(app["manager"], app["name"], app["unit"]) for app in apps] == [
        ("podman", "shop", "box.service"),
        ("docker", "web", "bare.service"),
    ]


@pytest.fixture
def emperor(tmp_path: Path) -> Path:
    """An Emperor's configuration, and the folder of its vassals, with one of them."""
    (tmp_path / "vassals").mkdir()
    main = tmp_path / "emperor.ini"
    main.write_text(f"[uwsgi]\n; emperor = /nowhere\nemperor = {tmp_path}/vassals\n", encoding="utf-8")
    (tmp_path / "vassals" / "shop.ini").write_text(
        "[uwsgi]\nchdir = /srv/%n\nsocket = /run/%n.sock\nuid = shop\nmodule = shop.wsgi\n", encoding="utf-8"
    )
    return main


def test_an_emperor_is_no_app(emperor: Path) -> None:
    """By its command line, or by the file that this names; a vassal is one."""
    assert uwsgi_emperor.is_emperor(["/usr/bin/uwsgi", "--ini", str(emperor)])
    assert uwsgi_emperor.is_emperor(["uwsgi", "--emperor", "/etc/uwsgi/vassals"])
    assert uwsgi_emperor.is_emperor(["uwsgi", "--emperor", "pg://host=db"])
    assert not uwsgi_emperor.is_emperor(["uwsgi-core", "--ini", "shop.ini"])
    assert not uwsgi_emperor.is_emperor(["vim", str(emperor)])


def test_vassals_that_run_and_do_not(emperor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three states: it runs, it does not though its Emperor does, and neither does."""
    monkeypatch.setattr(processes, "unit_of", lambda _pid: "uwsgi-emperor.service")
    king = (1, f"/usr/bin/uwsgi --ini {emperor}")
    processes_are(monkeypatch, {10: king, 11: (10, king[1]), 20: (11, "/usr/bin/uwsgi-core --ini shop.ini")})
    monkeypatch.setattr(sockets, "listeners", list)
    (found,) = other_managers.find()
    vassal = str(emperor.parent / "vassals" / "shop.ini")
    assert (found["manager"], found["name"], found["config"]) == ("uwsgi-emperor", "shop.ini", vassal)
    processes_are(monkeypatch, {10: king, 11: (10, king[1])})
    (found,) = other_managers.find()
    assert (found["state"], found["binds"]) == ("does not run, though its Emperor does", ["/run/shop.sock"])
    assert (found["user"], found["folder"], found["kept"]) == ("shop", "/srv/shop", True)
    processes_are(monkeypatch, {})
    monkeypatch.setattr(app_units, "commands", lambda: {"uwsgi-emperor.service": king[1].split()})
    (found,) = other_managers.find()
    assert (found["state"], found["unit"], found["kept"]) == (
        "its Emperor does not run",
        "uwsgi-emperor.service",
        False,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'shop'\n"
         "[2026-11-28 03:13:36 +0000] [1] [ERROR] Reason: Worker failed to boot.",
         "ModuleNotFoundError: No module named 'shop'"),
        ("django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
         "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty."),
        ("[2026-11-28 03:13:36 +0000] [1] [ERROR] Connection in use: ('0.0.0.0', 8000)",
         "Connection in use: ('0.0.0.0', 8000)"),
        ("[2026-11-28 03:13:36 +0000] [1] [INFO] Booting worker with pid: 7", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_an_app_said_last(text: str, said: str) -> None:
    """An exception before a server's own words; what says of every failed start that it failed is no reason."""
    assert last_words.error_in(text) == said
