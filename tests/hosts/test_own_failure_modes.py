"""A user's own failure mode on a real host: the example of docs/own-failure-modes.md, role included."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load_file

from lab.playbook import ROOT
from lab.site import Site, differences, named
from tools import docs_examples

MODE, ROLE = "service/stopped", "acme.ops.finish_deploy"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example's files, its collection where Ansible finds it."""
    folder = tmp_path_factory.mktemp("own")
    docs_examples.write(folder)
    places = [ROOT / "collections", folder / "collections"]
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", os.pathsep.join(map(str, places)))
    return folder / "failures"


@pytest.mark.nightly
def test_a_users_own_mode_takes_the_place_of_ours(site: Site, own: Path) -> None:
    """It is named instead of ours, waits for approval, and its own role repairs it, once."""
    site.host.break_with(MODE, load_file(own / f"{MODE}.yml").reproduce)
    site.host.run("ls /run/deploy.lock")
    assert site.host.ask("/api/sgis/")[0] == 502
    broken = site.host.snapshot()
    settings = {"rescue502_failures_path": str(own)}
    _code, incident, output = site.play("recover", **settings)
    assert (incident["outcome"], named(incident)) == ("needs-approval", [MODE]), output
    assert incident["root_causes"][0]["title"] == "The app is stopped, as a deploy leaves it"
    assert differences(broken, site.host.snapshot()) == set()
    code, incident, output = site.play("recover", **settings, rescue502_approve=[ROLE])
    assert (code, incident["outcome"]) == (0, "recovered"), output
    (action,) = incident["actions"]
    assert (action["remedy"], action["changed"], action["ok"]) == (ROLE, True, True)
    assert site.host.ask("/api/sgis/")[0] == 200
    assert site.host.run("ls /run/deploy.lock", check=False).returncode != 0
    code, incident, output = site.play("recover", **settings)
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output


@pytest.mark.nightly
def test_a_missing_role_is_reported(site: Site, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failed remedy is recorded with Ansible's words, and the run ends as failed."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(ROOT / "collections"))
    site.host.run("systemctl stop xamila")
    settings = {"rescue502_failures_path": [str(own)], "rescue502_approve": [MODE]}
    code, incident, output = site.play("recover", **settings)
    assert (code, incident["outcome"]) == (2, "failed"), output
    assert [(action["remedy"], action["ok"]) for action in incident["actions"]] == [(ROLE, False)], output
    assert ROLE in incident["actions"][0]["message"]


def test_what_a_users_role_says_of_itself_is_heeded(site: Site, own: Path) -> None:
    """It would start an app that does not load, so it waits; and what it says wrongly ends the run, unchanged."""
    site.host.break_with(MODE, load_file(own / f"{MODE}.yml").reproduce)
    # After that, so that the stop is a cause of its own: an app that could not be loaded any more has ended by itself.
    site.host.break_with("", "printf 'def broken(:\\n' >> \"$ROOT/$PACKAGE/urls.py\"")
    assert site.host.run(f"systemctl is-active {site.shape.unit}", check=False).stdout.strip() == "inactive"
    broken = site.host.snapshot()
    settings = {"rescue502_failures_path": str(own), "rescue502_approve": [ROLE]}
    _code, incident, output = site.play("recover", **settings)
    assert set(named(incident)) == {MODE, "code/syntax-error"}, output
    assert [(item["remedy"], item["for"]) for item in incident["held_back"]] == [(ROLE, [MODE])], output
    assert incident["actions"] == [], output
    (said,) = own.parent.glob("collections/*/*/*/roles/*/meta/remedy.yml")
    said.write_text(said.read_text(encoding="utf-8").replace("runs_app", "runs_apps"), encoding="utf-8")
    code, incident, output = site.play("recover", **settings)
    assert (code, incident["outcome"], incident["actions"]) == (2, "failed", []), output
    assert "remedy.yml:7: key 'runs_apps': unknown" in incident["message"], output
    assert differences(broken, site.host.snapshot()) == set()
