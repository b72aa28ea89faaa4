"""The app started for trial: what it says of a real start, that nothing of it stays, and when it is not tried."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import certainty
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from lab import Host, look
from lab.shape import DEFAULT
from lab.site import Site, differences

CATALOGUE = load()

START = """
write_drop_in /run variant '[Service]' 'ExecStart=' "ExecStart=$(start_command {edit}){more}" {lines}
restart_app
"""
# Until the unit's result, state or number of restarts is this.
UNTIL = "until_true 'systemctl show -P {name} \"$UNIT\" | grep -qx {value}'\n"


def start(edit: str = "", more: str = "", lines: str = "") -> str:
    """Bash: the unit with its command edited by sed, with more words, and with more lines."""
    return START.format(edit=f"| sed '{edit}'" if edit else "", more=more, lines=lines)


def fails(status: int) -> str:
    """Bash: until the site answers so."""
    ask = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
    return f'until_true "{ask} | grep -q {status}"\n'


FACTORY = """
cd "$ROOT/$PACKAGE"
printf 'from %s.wsgi import application\\ndef make():\\n    return application\\n' "$PACKAGE" > factory.py
chmod 644 factory.py
"""
# (bash that breaks the host, the result of the shadow start or empty where it is too short for one, the root cause)
WAYS: dict[str, tuple[str, str, str]] = {
    "an-asgi-app-for-a-wsgi-worker": (start("s/wsgi/asgi/") + fails(500), "interface", "service/interface-mismatch"),
    "a-wsgi-app-for-an-asgi-worker": (start("s/asgi/wsgi/") + fails(500), "interface", "service/interface-mismatch"),
    "what-makes-an-app": (FACTORY + start("s/wsgi:application/factory:make/") + fails(500), "interface",
                          "service/interface-mismatch"),
    "an-option-that-is-not-known": (start(more=" --worker-colour red") + fails(502), "refuses",
                                    "service/option-unknown"),
    "a-system-call-that-is-filtered": (
        start(lines="'SystemCallFilter=~listen' 'SystemCallErrorNumber='") + fails(502),
        "killed",
        "service/crashes-at-start",
    ),
    "the-watchdog": (
        start(lines="'WatchdogSec=2' 'Restart=no'") + UNTIL.format(name="Result", value="watchdog"),
        "",
        "service/ended-by-limit",
    ),
    "the-running-time": (
        start(lines="'RuntimeMaxSec=2' 'Restart=no'") + UNTIL.format(name="Result", value="timeout"),
        "",
        "service/ended-by-limit",
    ),
    "the-watchdog-again-and-again": (
        start(lines="'WatchdogSec=2' 'Restart=always' 'RestartSec=5' 'StartLimitIntervalSec=0'")
        + UNTIL.format(name="NRestarts", value="[1-9]")
        + UNTIL.format(name="SubState", value="auto-restart"),
        "",
        "service/ended-by-limit",
    ),
    "it-sees-no-temporary-folder": (
        start(lines="'InaccessiblePaths=/tmp /var/tmp' \"ReadOnlyPaths=$ROOT\"") + fails(502),
        "temporary-folder",
        "service/crashes-at-start",
    ),
}  # fmt: skip


def leftovers(host: Host) -> str:
    """What of such a start is still there."""
    units = "systemctl list-units --all --no-legend --plain 'rescue502-trial-*'"
    return host.run(f"{units}; ls /run/systemd/system /run | grep rescue502-trial || true").stdout.strip()


# The shape of host, where it is not the usual one.
SHAPES = {"a-wsgi-app-for-an-asgi-worker": "uvicorn"}
ON_SHAPES = [pytest.param(SHAPES.get(way, DEFAULT), way, id=way) for way in WAYS]


@pytest.mark.nightly
@pytest.mark.parametrize(("site", "way"), ON_SHAPES, indirect=["site"])
def test_it_says_why_a_start_fails(site: Site, way: str) -> None:
    """As the next start would; afterwards nothing of it is there, and the app's files are as they were."""
    script, result, cause = WAYS[way]
    site.host.break_with("", script)
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    before = site.host.snapshot()
    evidence = look.look(site.host)
    assert evidence["shadow_start"]["result"] == result or not result, evidence["shadow_start"]
    assert leftovers(site.host) == ""
    assert differences(before, site.host.snapshot()) == set()
    found = diagnose(evidence, CATALOGUE)
    assert [item.id for item in found.root_causes] == [cause]
    assert cause == "service/ended-by-limit" or found.root_causes[0].known == (certainty.TRIED, certainty.STARTED_ASIDE)


REFUSED = {
    "others are at work": (
        "printf 'sleep 300\\n' > /usr/local/bin/deploy-shop.sh; stop_app\n"
        'systemd-run -q -p "User=$APP_USER" -p "WorkingDirectory=$ROOT" bash /usr/local/bin/deploy-shop.sh',
        "is at work on",
    ),
    "the unit was changed since": ("stop_app; printf '# later\\n' >> \"$UNIT_FILE\"", "has not read the changed file"),
    "it starts a script": (
        "printf '#!/bin/sh\\nexec %s\\n' \"$(start_command)\" > /usr/local/bin/start-shop\n"
        "chmod 755 /usr/local/bin/start-shop\n"
        "unit_drop_in '[Service]' 'ExecStart=' 'ExecStart=/usr/local/bin/start-shop'; stop_app",
        "it is started through",
    ),
    "nginx keeps visitors away": (
        'sed -i "0,/location/s//if (-f \\/run\\/closed) { return 503; }\\n    location/" "$NGINX_SITE"\n'
        "touch /run/closed; systemctl reload nginx; " + fails(503),
        "nginx is configured to answer",
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("why", REFUSED)
def test_it_is_not_tried(site: Site, why: str) -> None:
    """Where it could do harm, or would prove nothing: then nothing of it was ever there."""
    script, words = REFUSED[why]
    site.host.break_with("", script)
    assert site.host.ask(site.shape.api_path)[0] != 200, "the fault"
    tried = look.look(site.host)["shadow_start"]
    assert (tried["tried"], words in tried["why_not"]) == (False, True), tried
    assert "rescue502-trial" not in site.host.run("journalctl -b -o cat | grep rescue502-trial || true").stdout


@pytest.mark.nightly
def test_the_setting_turns_it_off_and_a_well_site_has_none(site: Site) -> None:
    """On the same host, before and after it is broken."""
    assert "shadow_start" not in look.look(site.host)
    site.host.break_with("service/stopped")
    _code, incident, _output = site.play("diagnose", rescue502_shadow_start=False)
    assert incident["evidence"]["shadow_start"] == {"tried": False, "why_not": "rescue502_shadow_start is false"}
    assert "rescue502-trial" not in site.host.run("journalctl -b -o cat | grep rescue502-trial || true").stdout
    _code, incident, _output = site.play("diagnose")
    assert incident["evidence"]["shadow_start"]["result"] == "serves"
    assert "rescue502-trial" in site.host.run("journalctl -b -o cat | grep rescue502-trial").stdout


@pytest.mark.nightly
def test_what_a_killed_look_leaves_is_ended_and_removed(site: Site) -> None:
    """systemd ends it after its time, and the next look forgets it."""
    site.host.break_with("service/stopped")
    left = "/run/systemd/system/rescue502-trial-999999.service"
    site.host.run(f"printf '[Service]\\nExecStart=/bin/sleep 600\\n' > {left}; systemctl start rescue502-trial-999999")
    assert "rescue502-trial-999999" in leftovers(site.host)
    assert look.look(site.host)["shadow_start"]["result"] == "serves"
    assert leftovers(site.host) == ""


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["unix", "activated", "uvicorn", "uv"], indirect=True)
def test_it_serves_on_other_shapes(site: Site) -> None:
    """By a configuration file, a socket of systemd's, credentials, an ASGI worker."""
    site.host.break_with("", "stop_app; systemctl mask --runtime $SOCKET_UNIT 2> /dev/null || true")
    tried = look.look(site.host)["shadow_start"]
    assert tried["result"] == "serves", tried


@pytest.mark.nightly
def test_a_link_in_the_place_of_its_socket_is_not_followed(site: Site) -> None:
    """The app's user, who owns the folder, wants root to ask another socket: a link to it stands there all the time."""
    with_hooks = """
with_hooks <<'HOOKS'
import os, socket
import gunicorn.util
# It would be the account of what the link leads to.
gunicorn.util.chown = lambda *_words: None
def on_starting(server):
    bind = socket.socket.bind
    def elsewhere(self, address):
        if "rescue502-trial" not in str(address):
            return bind(self, address)
        os.symlink("/run/roots-own", address)
        # Where the app's account can write, and root's look at the folder does not come.
        open("/run/link-stands/" + str(os.path.islink(address)), "w").close()
        return bind(self, address + ".own")
    socket.socket.bind = elsewhere
HOOKS
cat > /run/roots-own.py <<'END'
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/run/roots-own")
listener.listen()
while True:
    taken, _ = listener.accept()
    open("/run/was-asked", "a").write("once\\n")
    taken.close()
END
systemd-run -q --unit=roots-own /usr/bin/python3 /run/roots-own.py
until_true "[ -S /run/roots-own ]"
install -d -m 777 /run/link-stands
stop_app
"""
    host = site.host
    host.break_with("", with_hooks)
    evidence = look.look(host)
    assert host.run("ls /run/link-stands").stdout.split() == ["True"], "the link stood there"
    assert host.run("ls /run/was-asked", check=False).returncode != 0
    assert "is not the app's socket" in evidence["shadow_start"]["failed"]
    # Who followed such a link would have asked it.
    host.run(
        "ln -s /run/roots-own /run/link-stands/link; "
        "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/run/link-stands/link\"); s.recv(1)'"
    )
    assert host.run("cat /run/was-asked").stdout == "once\n"
