"""Undo leaves alone what is in use or was changed since, and reports what it cannot take back.

That what a remedy changed is taken back exactly is shown where the remedy is: in test_failure_modes.py.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode
from undoing import reported

from lab.matrix import Pair, usual
from lab.site import Site, differences, to_approve

VENV = "/var/www/xamila/xamila_backend/venv"


def in_use() -> list[Pair]:
    """Failure modes, each on the usual shape, whose remedy is taken back only until the app has used what it made."""
    pairs = [pair for pair in usual() if pair[1].remedy and pair[1].risk != "never"]
    return [pair for pair in pairs if remedies.get(pair[1].remedy).undo == "until_used"]


def on(pairs: list[Pair]) -> pytest.MarkDecorator:
    """Parametrizes a test with failure modes, each on a host of a shape."""
    return pytest.mark.parametrize(
        ("site", "mode"), pairs, indirect=["site"], ids=lambda item: getattr(item, "id", item)
    )


def recovered(site: Site, mode: FailureMode) -> str:
    """Repair a broken host, with approval. The incident's id."""
    code, incident, output = site.play("recover", rescue502_approve=to_approve(mode))
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert f"rescue502 undo {incident['incident']}" in output
    return str(incident["incident"])


@pytest.mark.nightly
@on(in_use())
def test_what_is_in_use_by_now_is_left_alone(site: Site, mode: FailureMode) -> None:
    """The app's socket or pid file is where the remedy made room for it: undo says so and harms nothing."""
    site.host.break_with(mode.id)
    incident = recovered(site, mode)
    code, _incident, output = site.play("undo", rescue502_undo=incident)
    assert (code, reported(output)[:2]) == (2, (0, 1)), output
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.nightly
@on([pair for pair in usual() if pair[1].id == "schema/unapplied-migrations"])
def test_a_migration_is_reported_with_its_reverse(site: Site, mode: FailureMode) -> None:
    """Nothing is dropped from a database: the command is printed."""
    site.host.break_with(mode.id)
    incident = recovered(site, mode)
    repaired = site.host.snapshot()
    code, _incident, output = site.play("undo", rescue502_undo=incident)
    assert (code, reported(output)) == (0, (0, 0, 1)), output
    assert f"{VENV}/bin/python manage.py migrate sgis 0001_initial" in output
    assert differences(repaired, site.host.snapshot()) == set()


@pytest.mark.nightly
@on([pair for pair in usual() if pair[1].id == "dependencies/missing"])
def test_an_environment_that_was_changed_since_stays(site: Site, mode: FailureMode) -> None:
    """Somebody has installed something after the remedy: undo would lose that, so it leaves it and says so."""
    site.host.break_with(mode.id)
    incident = recovered(site, mode)
    site.host.run(f"touch {VENV}/lib/python3.11/site-packages/somebodys.py")
    before = site.host.snapshot()
    code, _incident, output = site.play("undo", rescue502_undo=incident)
    assert (code, reported(output)[:2]) == (2, (0, 1)), output
    assert "left alone: it was changed since; the one before is /var/lib/rescue502/environments/" in output
    assert differences(before, site.host.snapshot()) == set()


@pytest.mark.nightly
def test_an_unknown_incident_is_reported(site: Site) -> None:
    """With the incidents that the host knows; the runner's exit code says wrong use."""
    site.host.run("chmod 644 /var/www/xamila/xamila_backend/.env")
    _code, incident, output = site.play("recover", rescue502_approve=["files/env-file-exposed"])
    assert [action["remedy"] for action in incident["actions"]] == ["permissions"], output
    before = site.host.snapshot()
    code, _incident, output = site.play("undo", rescue502_undo="20200101T000000Z-000000")
    assert code == 2
    assert f"no record of 20200101T000000Z-000000; this host has: {incident['incident']}" in output
    code, _incident, output = site.play("undo", rescue502_undo="../undo")
    assert (code, "no record of" in output) == (2, True), output
    assert differences(before, site.host.snapshot()) == set()
    assert run(site, "undo", "20200101T000000Z-000000").returncode == 1
    done = run(site, "undo", incident["incident"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/.env: owner 33:33, mode 0644" in done.stdout


def run(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """Run our runner on the site's host."""
    host: dict[str, Any] = site.host.inventory(full=True)
    inventory = site.folder / "runner.yml"
    inventory.write_text(yaml.safe_dump({"django": {"hosts": {site.host.name: host}}}), encoding="utf-8")
    command = [sys.executable, "-m", "rescue502.cli", *words, "-i", str(inventory), "--reports", str(site.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
