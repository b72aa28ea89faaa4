"""Folders that could be taken for a virtual environment and are not: nothing is installed or replaced there."""

from __future__ import annotations

import re

import pytest
from test_traps import ROOT_FOLDER, play

from lab.site import Site, differences, named

# A start script in the app's own folder, as many units have one.
START_SCRIPT = """
mkdir -p "$ROOT/bin"
printf '#!/bin/sh\\nexec %s\\n' "$(start_command)" > "$ROOT/bin/start.sh"
chmod 755 "$ROOT/bin/start.sh"
chown -R "$APP_USER:$APP_GROUP" "$ROOT/bin"
write_drop_in /etc start '[Service]' 'ExecStart=' "ExecStart=$ROOT/bin/start.sh"
restart_app
until_true "curl -sf -o /dev/null http://$BIND/health/"
"""
# Each of the roles, on each of these folders.
ROLES = """
- name: The folder is refused
  ansible.builtin.include_role:
    name: "rescue502.django.{{ item[0] }}"
    apply:
      ignore_errors: true
  vars:
    rescue502_root: /var/www/xamila/xamila_backend
    rescue502_venv: "{{ item[1] }}"
    rescue502_user: www-data
  loop: "{{ ['pip_install', 'rebuild_venv'] | product(folders.split(',')) }}"
"""
REFUSED = {
    "": "virtual environment is not known",
    ROOT_FOLDER: "holds the app's folder",
    "/var/www": "holds the app's folder",
    "/usr": "is the system's own",
    f"{ROOT_FOLDER}/media": "is not a virtual environment",
}


@pytest.mark.nightly
def test_the_folder_of_a_start_script_is_not_a_venv(site: Site) -> None:
    """The app's folder stays where it is, on a healthy host and on a broken one, and what is known is reported."""
    site.full = False
    site.host.break_with("", START_SCRIPT)
    command = site.host.run("systemctl show -P ExecStart xamila").stdout
    assert f"{ROOT_FOLDER}/bin/start.sh" in command, "the unit starts the script"
    assert site.host.ask("/api/sgis/")[0] == 200
    before = site.host.snapshot()
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"]) == (0, "healthy"), output
    assert incident["evidence"]["stack"]["venv"] == f"{ROOT_FOLDER}/venv", "the one whose Python runs"
    assert differences(before, site.host.snapshot()) == set()
    site.host.run("systemctl stop xamila")
    assert site.host.ask("/api/sgis/")[0] == 502
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["service/stopped"]), output
    assert differences(before, site.host.snapshot()) == set()


@pytest.mark.nightly
def test_the_roles_refuse_what_is_not_a_venv(site: Site) -> None:
    """Installing and rebuilding say why, and change nothing: not even in the login's home folder."""
    site.host.run(f"touch {ROOT_FOLDER}/media/upload.png")
    before = site.host.snapshot()
    output = " ".join(play(site, ROLES, folders=",".join(REFUSED)).split())
    reported = re.findall(r"Module failed: (.*?) Nothing was changed\.", output)
    assert len(reported) == 2 * len(REFUSED), output
    for why, text in zip([*REFUSED.values()] * 2, reported, strict=True):
        assert why in text
    assert differences(before, site.host.snapshot()) == set()


# As `sudo pip install` leaves it: gunicorn and the packages are the system's Python's. The app runs as somebody who
# logs in, and has a program of their own at work behind a socket in their home folder.
NO_VENV = """
stop_app
useradd --create-home --shell /bin/bash deploy
site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
dist="$(python3 -c 'import site; print([path for path in site.getsitepackages() if "/local/" in path][0])')"
mkdir -p "$dist"
cp -a "$site/." "$dist"; rm -rf "$VENV"
cat > /usr/local/bin/gunicorn <<'END'
#!/usr/bin/python3
import sys
from gunicorn.app.wsgiapp import run
sys.exit(run())
END
chmod 755 /usr/local/bin/gunicorn
chown -R root: "$dist"
chown -R deploy: "$ROOT" "$LOG_DIR" "$MEDIA_ROOT" "$ENV_FILE"
write_drop_in /etc account '[Service]' User=deploy Group=deploy 'ExecStart=' \\
  "ExecStart=/usr/local/bin/gunicorn $PACKAGE.wsgi:application --bind $BIND"
cat > /home/deploy/agent.py <<'END'
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("/home/deploy/agent.sock")
listener.listen()
while True:
    taken, _ = listener.accept()
    taken.sendall(b"%d" % os.getpid())
    taken.close()
END
chown deploy: /home/deploy/agent.py
systemd-run -q --unit=agent -p User=deploy /usr/bin/python3 /home/deploy/agent.py
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
until_true "[ -S /home/deploy/agent.sock ]"
echo "$dist" > /srv/dist
"""
LACKS_A_PACKAGE = """
dist="$(cat /srv/dist)"; test -d "$dist/slugify"
rm -rf "$dist/slugify" "$dist"/python_slugify-*.dist-info
restart_app
"""
AGENT = """
python3 - <<'END'
import socket
agent = socket.socket(socket.AF_UNIX)
agent.connect("/home/deploy/agent.sock")
print(agent.recv(9).decode())
END
stat -c '%i %n' /home/deploy /home/deploy/agent.sock
ls -A /home
"""


@pytest.mark.nightly
def test_where_there_is_no_environment_none_is_made_of_the_home_folder(site: Site) -> None:
    """gunicorn is the system's, and a package is missing: that is named. The login's home stays, with its socket."""
    site.full = False
    host = site.host
    host.break_with("", NO_VENV)
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output
    assert incident["evidence"]["stack"]["venv"] == ""
    host.break_with("", LACKS_A_PACKAGE)
    assert host.ask("/api/sgis/")[0] == 502
    agent, before = host.run(AGENT).stdout, host.snapshot()
    assert "/home/deploy/agent.sock" in agent
    for approved in ([], ["dependencies/missing", "dependencies/venv-missing", "pip_install", "rebuild_venv"]):
        # As a home folder would be taken for one: nothing is installed, approved or not.
        code, incident, output = site.play("recover", rescue502_level="full", rescue502_approve=approved)
        assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
        assert named(incident) == ["dependencies/missing"], output
        (reported,) = incident["awaiting"]
        assert "no virtual environment that is known" in reported["by_hand"], output
        assert "/usr/local/bin/gunicorn" in reported["by_hand"], output
        assert host.run(AGENT).stdout == agent, output
        assert differences(before, host.snapshot()) == set(), output
