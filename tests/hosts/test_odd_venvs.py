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
    assert incident["evidence"]["stack"]["venv"] == ""
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
