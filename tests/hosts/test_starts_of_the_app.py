"""Starts of the app that its unit or the system keeps from coming to their end: several ways on one host."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
KEEP = 'cp -a "$UNIT_FILE" /root/unit'
RESTORE = r"""
systemctl stop gate.service "$UNIT" 2>/dev/null || true
rm -rf "/run/systemd/system/$UNIT.d" && cp -a /root/unit "$UNIT_FILE"
systemctl daemon-reload
systemctl reset-failed
systemctl start "$UNIT"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
: > /var/log/nginx/error.log
"""
START = '\nsystemctl stop "$UNIT" || true; systemctl start --no-block "$UNIT" || true; sleep 4\n'


def lines(*words: str) -> str:
    """A drop-in of the unit with these lines of [Service]; started with it."""
    return "unit_drop_in '[Service]' " + " ".join(f"'{word}'" for word in words) + START


def option(more: str) -> str:
    """The unit's command with further words."""
    return f"unit_drop_in '[Service]' 'ExecStart=' \"ExecStart=$(start_command) {more}\"" + START


def computed(address: str) -> str:
    """A configuration file that computes where to listen, which only gunicorn itself knows."""
    text = f'bind = "".join(["{address}"])'
    command = "$(start_command | sed -E 's#(--bind|-b)[ =][^ ]+##')"
    drop_in = f"unit_drop_in '[Service]' 'ExecStart=' \"ExecStart={command} --config /run/computed.py\""
    return f"printf '%s\\n' '{text}' > /run/computed.py; chmod 644 /run/computed.py; {drop_in}" + START


# Another unit that is on its way, and stays so.
GATE = (
    r"printf '[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep 3000\n'"
    " > /run/systemd/system/gate.service"
)
AFTER = "; unit_drop_in '[Unit]' 'Wants=gate.service' 'After=gate.service'"
# A line of the unit's file becomes another one while the app is down.
EDIT = 'systemctl stop "$UNIT"; sed -i "s#{}#{}#" "$UNIT_FILE"; systemctl daemon-reload'
A_FILE = "echo kept > /run/a-file; "
# By what is named: a plant, and how it is taken back where the unit's files do not say it.
PLANTS: list[tuple[str, str, str]] = [
    ("service/start-waits", GATE + AFTER + START, ""),
    ("service/start-waits", lines("ExecStartPre=/bin/sleep 3000", "TimeoutStartSec=infinity"), ""),
    ("service/start-too-slow", lines("Type=dbus", "BusName=org.example.Shop", "TimeoutStartSec=2", "Restart=no"), ""),
    ("service/limited", lines("LimitAS=60M"), ""),
    ("service/confined", lines("SystemCallFilter=~socket"), ""),
    ("service/confined", lines("SystemCallFilter=~clone fork clone3", "SystemCallErrorNumber=EPERM"), ""),
    ("service/confined", lines("IPAddressDeny=any"), ""),
    ("service/confined", lines("NoExecPaths=/", "ExecPaths=/usr"), ""),
    ("service/confined", lines("TemporaryFileSystem=/var/www"), ""),
    ("service/unit-invalid", EDIT.format("^ExecStart=", "ExecStrat=") + START, ""),
    ("service/unit-invalid", EDIT.format("^WorkingDirectory=/", "WorkingDirectory=") + START, ""),
    ("service/worker-folder-missing", option("--worker-tmp-dir /run/nobody-made-it"), ""),
    ("service/crashes-at-start", option("--user root") + "sleep 8", ""),
    ("service/no-workers", "unit_drop_in '[Service]' 'Environment=WEB_CONCURRENCY=0' 'ExecStart='"
     " \"ExecStart=$(start_command | sed 's/--workers 2//')\"" + START, ""),
    ("service/port-denied", option("--bind 127.0.0.1:81") + "sleep 3", ""),
    ("service/port-denied", computed("127.0.0.1:81") + "sleep 3", "rm /run/computed.py"),
    ("service/address-not-here", option("--bind no-such-host.invalid:8000"), ""),
    ("service/address-not-here", computed("[2001:db8::7]:8000"), "rm /run/computed.py"),
    ("service/socket-path-too-long", option("--bind unix:/run/" + "s" * 103), ""),
    ("service/socket-path-taken", A_FILE + computed("unix:/run/a-file"), "rm /run/a-file"),
    ("service/socket-path-taken", A_FILE + computed("unix:/run/a-file/app.sock"), "rm /run/a-file"),
    ("host/system-closed", "chmod 700 /" + START, "chmod 755 /"),
    ("host/system-closed", "chmod 700 /usr/bin/python3.11" + START, "chmod 755 /usr/bin/python3.11"),
    ("host/loopback-down", "ip link set lo down", "ip link set lo up"),
]  # fmt: skip


def test_what_keeps_the_app_down(site: Site) -> None:
    """Two dozen ways, each named alone."""
    site.host.run(KEEP)
    for number, (wanted, plant, undo) in enumerate(PLANTS):
        site.host.break_with("", RESTORE + plant)
        evidence_of_fault = site.host.ask(site.shape.api_path)[0]
        assert evidence_of_fault in (0, 500, 502, 504), f"the fault: {plant}"
        found = look.diagnosed(site.host, CATALOGUE)
        named = {cause.id: cause.because for cause in found.root_causes}
        assert list(named) == [wanted], f"{number}: {plant}: {named}"
        site.host.run(undo or "true")


def test_a_folder_for_the_pid_file(site: Site) -> None:
    """It is made where the unit names the file; nothing else is changed, and the site answers."""
    site.host.break_with("", option("--pid /run/shop/gunicorn.pid") + "sleep 4")
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert [cause["id"] for cause in incident["root_causes"]] == ["service/pid-folder-missing"], output
    assert [action["remedy"] for action in incident["actions"]] == ["make_socket_dir", "restart"], output
    owner = site.host.run("stat -c %U /run/shop").stdout.strip()
    assert owner == site.shape.user


def test_a_folder_for_the_workers_on_a_memory_disk(site: Site) -> None:
    """Right below /dev/shm it is made, closed to others, and it is said that it goes with the next boot."""
    site.host.break_with("", option("--worker-tmp-dir /dev/shm/shop-workers") + "sleep 4")
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    (cause,) = incident["root_causes"]
    assert cause["id"] == "service/worker-folder-missing", output
    assert "gone again after the next boot" in cause["because"]
    assert [action["remedy"] for action in incident["actions"]] == ["make_socket_dir", "restart"], output
    made = site.host.run("stat -c '%U %a' /dev/shm/shop-workers").stdout.strip()
    assert made == f"{site.shape.user} 700"


@pytest.mark.parametrize("folder", ["/dev/shm/deeper/workers", "/etc/shop-workers", "/dev/shop-workers"])
def test_a_folder_that_root_does_not_make_is_a_persons(site: Site, folder: str) -> None:
    """What would only be refused is not tried, and the app is not started into it."""
    site.host.break_with("", option(f"--worker-tmp-dir {folder}") + "sleep 4")
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    _code, incident, output = site.play("recover")
    assert (incident["outcome"], incident["actions"]) == ("needs-human", []), output
    assert [cause["id"] for cause in incident["root_causes"]] == ["service/worker-folder-missing"], output
    assert "belongs to the system" in incident["root_causes"][0]["because"]
