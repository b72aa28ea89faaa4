"""What must be true on both hosts when the recovery has ended, asked by testinfra over SSH."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
NAMES = os.environ["LAB_HOSTS"].split()


@pytest.fixture(params=NAMES)
def host(request: pytest.FixtureRequest) -> Host:
    """Each host of the scenario."""
    inventory = FOLDER / "hosts.yml"
    return testinfra.get_host(f"ansible://{request.param}?ansible_inventory={inventory}", sudo=True)


@pytest.mark.parametrize("unit", ["xamila", "postgresql", "nginx"])
def test_services_run(host: Host, unit: str) -> None:
    """Everything in the chain runs and comes back after a reboot."""
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


def test_port_listens(host: Host) -> None:
    """gunicorn listens where nginx sends the requests."""
    assert host.socket("tcp://127.0.0.1:8000").is_listening


def test_edge_answers_with_cors(host: Host) -> None:
    """The API answers through nginx, and the front end's origin may read the answer."""
    answer = host.check_output(
        "curl -ski -H 'Host: api.xamila.example' -H 'Origin: https://xamila.example' https://127.0.0.1/api/sgis/"
    )
    assert " 200" in answer.splitlines()[0]
    assert "access-control-allow-origin: https://xamila.example" in answer.lower()


def test_secrets_stay_secret(host: Host) -> None:
    """No secret of the host is in any report."""
    secrets = [
        line.partition("=")[2]
        for line in host.file("/var/www/xamila/xamila_backend/.env").content_string.splitlines()
        if line.startswith(("SECRET_KEY=", "DB_PASSWORD="))
    ]
    texts = [path.read_text(encoding="utf-8") for path in (FOLDER / "reports").rglob("*.*") if path.is_file()]
    assert len(secrets) == 2
    assert texts
    assert not [secret for secret in secrets if any(secret in text for text in texts)]


def test_reports_tell_the_causes() -> None:
    """The first run's reports name exactly what was broken, and the last one the stopped unit."""
    incidents = [json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / "reports").rglob("*.json")]
    causes = {(i["host"], tuple(sorted(c["id"] for c in i["root_causes"]))) for i in incidents if i["root_causes"]}
    assert causes == {
        ("mol-a", ("database/stopped", "dependencies/missing")),
        ("mol-a", ("service/stopped",)),
        ("mol-b", ("files/code-unreadable", "schema/unapplied-migrations")),
    }
