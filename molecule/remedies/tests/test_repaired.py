"""What each remedy must have left behind, asked by testinfra over SSH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

ROOT = "/var/www/xamila/xamila_backend"


@pytest.fixture(scope="module")
def host() -> Host:
    """The scenario's host."""
    inventory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "hosts.yml"
    return testinfra.get_host(f"ansible://{os.environ['LAB_HOSTS']}?ansible_inventory={inventory}", sudo=True)


def test_owners_and_modes(host: Host) -> None:
    """Secrets are kept from others, uploads can be written, and the app itself is not loosened."""
    assert host.file(f"{ROOT}/.env").mode == 0o640
    media = host.file(f"{ROOT}/media")
    assert host.run(f"runuser -u www-data -- test -w {ROOT}/media").rc == 0
    assert (media.user, media.group, media.mode) == ("root", "www-data", 0o775), "the least change, no new owner"
    assert host.file(f"{ROOT}/xamila/settings.py").mode == 0o644


def test_bytecode_is_clean(host: Host) -> None:
    """The planted bytecode is gone."""
    assert host.run(f"grep -l removed_last_week {ROOT}/xamila/__pycache__/*.pyc").rc != 0


def test_environment_is_whole(host: Host) -> None:
    """The virtual environment runs, has what is required, and the broken one is kept."""
    assert host.run(f"{ROOT}/venv/bin/python -c 'import slugify, django'").rc == 0
    assert host.file(f"{ROOT}/venv/bin/gunicorn").mode & 0o111 == 0o111
    assert host.file(f"{ROOT}/venv").user == "www-data"
    assert host.check_output("ls -d /var/lib/rescue502/environments/*/venv.rescue502-old-* | wc -l") == "1"


@pytest.mark.parametrize("unit", ["xamila", "postgresql", "nginx"])
def test_services_run(host: Host, unit: str) -> None:
    """All services run and come back after a reboot."""
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_limits_are_raised(host: Host) -> None:
    """The unit may open more files, and nginx takes larger headers with a configuration that is valid."""
    assert int(host.check_output("systemctl show -P LimitNOFILE xamila")) > 5000
    assert host.run("nginx -T 2>/dev/null | grep proxy_buffer_size").rc == 0


def test_schema_and_static(host: Host) -> None:
    """The migrations are applied and the static files are in place."""
    answer = host.check_output("curl -s -H 'Host: api.xamila.example' http://127.0.0.1/api/sgis/")
    assert '"city"' in answer
    assert host.run("curl -sf -H 'Host: api.xamila.example' http://127.0.0.1/static/site.css").rc == 0
