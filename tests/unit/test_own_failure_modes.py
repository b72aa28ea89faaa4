"""The user's own failure modes: the example of the docs, in the diagnosis, in approvals and on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import KEYS, load, own_path
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.run import settings
from typer.testing import CliRunner

from rescue502 import cli
from rescue502.cli import playbooks
from rescue502.run import Finished, Request
from tools import docs_examples, recordings

ROLE = "acme.ops.finish_deploy"
runner = CliRunner()


class Verbatim:
    """Stands for Ansible's templar where nothing is to be rendered."""

    @staticmethod
    def template(value: object) -> object:
        return value


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The example's folder of failure modes."""
    docs_examples.write(tmp_path)
    return tmp_path / "failures"


def test_the_example_takes_the_place_of_ours(own: Path) -> None:
    """It is found where ours was, and asks before its role is run."""
    known = load([own_path(), own])
    found = diagnose(recordings.evidence("service/stopped"), known)
    assert [(cause.id, cause.mode.risk) for cause in found.root_causes] == [("service/stopped", "ask")]
    assert plan.make(found).actions == []
    for approval in (ROLE, "service/stopped"):
        (action,) = plan.make(found, [approval]).actions
        assert action.remedy == ROLE
        assert action.vars == {"unit": found.evidence["stack"]["unit"]}
    assert ROLE in known.approvable()


def test_the_docs_name_every_key() -> None:
    """The table in the docs and the schema agree."""
    page = docs_examples.PAGE.read_text(encoding="utf-8").partition("## The keys")[2]
    assert [key for key in KEYS if f"`{key}`" not in page] == []


@pytest.mark.parametrize("given", ["failures", ["failures"], "~/failures"])
def test_the_variable_is_a_folder_or_several(own: Path, given: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where Ansible was started, or to the user's home."""
    monkeypatch.chdir(own.parent)
    monkeypatch.setenv("HOME", str(own.parent))
    read = settings.read({"inventory_hostname": "host", "rescue502_failures_path": given}, Verbatim())
    assert read.failure_paths == [own_path(), own]


@pytest.mark.parametrize("way", ["option", "relative", "environment", "variable"])
def test_the_command_line_honours_them(own: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """explain and an offline diagnosis, by each way to name the folder."""
    monkeypatch.chdir(own.parent)
    words = {"option": ["--failures", str(own)], "relative": ["--failures", "failures"]}.get(way, [])
    if way == "environment":
        monkeypatch.setenv("RESCUE502_FAILURES_PATH", f"{own}{os.pathsep}{own}")
    evidence = str(recordings.plain("service/stopped", own.parent))
    extra = ["-e", "rescue502_failures_path=failures"] if way == "variable" else []
    done = runner.invoke(cli.app, ["diagnose", "--evidence", evidence, "--approve", ROLE, *words, *extra])
    assert (done.exit_code, f"{ROLE} for service/stopped (ask)" in done.output) == (2, True), done.output
    if not extra:
        assert f"The role `{ROLE}`" in runner.invoke(cli.app, ["explain", "service/stopped", *words]).output


def test_the_playbooks_get_them(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an absolute path, because Ansible runs elsewhere; an approval of the user's role is known."""
    asked = []

    def run(request: Request, _watch: object) -> Finished:
        asked.append(request)
        return Finished("id", 0, "successful", [], own, "")

    monkeypatch.setattr(playbooks, "run", run)
    monkeypatch.chdir(own.parent)
    for command in ("diagnose", "recover", "verify", "redeploy"):
        assert runner.invoke(cli.app, [command, "--failures", "failures"]).exit_code == 0
    done = runner.invoke(cli.app, ["recover", "--failures", "failures", "--approve", ROLE])
    assert done.exit_code == 0, done.output
    assert [request.variables["rescue502_failures_path"] for request in asked] == [[str(own)]] * 5
    assert asked[-1].variables["rescue502_approve"] == [ROLE]
    refused = runner.invoke(cli.app, ["recover", "--approve", ROLE])
    assert (refused.exit_code, "--failures" in refused.output) == (1, True)


DEPLOY = """---
title: A deploy is under way
means: It stops the app and starts it at its end.
risk: never
severity: {severity}
edge: "502"
when: [service.unit.active_state == 'inactive']
because: a deploy is under way
explains: [{explains}]
by_hand: wait
reproduce: "true"
"""


@pytest.mark.parametrize(
    ("layer", "severity", "explains", "expected"),
    [
        ("host", "outage", "service/stopped", ["host/deploy"]),
        ("host", "outage", "service/*", ["host/deploy"]),
        ("host", "outage", "service/hung", ["host/deploy", "service/stopped"]),
        # A pattern is for what breaks the site, and reaches upwards only; a name reaches anywhere.
        ("host", "degraded", "service/*", ["host/deploy", "service/stopped"]),
        ("host", "degraded", "service/stopped", ["host/deploy"]),
        ("proxy", "outage", "service/stopped", ["proxy/deploy"]),
        ("proxy", "outage", "'*/*'", ["service/stopped", "proxy/deploy"]),
    ],
)
def test_a_cause_of_the_users_explains_ours(
    tmp_path: Path, layer: str, severity: str, explains: str, expected: list[str]
) -> None:
    """Its own file names its effects: ours are not copied for it."""
    (tmp_path / layer).mkdir()
    (tmp_path / layer / "deploy.yml").write_text(DEPLOY.format(severity=severity, explains=explains), encoding="utf-8")
    known = load([own_path(), tmp_path])
    found = diagnose(recordings.evidence("service/stopped"), known)
    assert [finding.id for finding in found.to_repair] == expected
    page = runner.invoke(cli.app, ["explain", "service/stopped", "--failures", str(tmp_path)]).output
    assert (f"{layer}/deploy" in page) == ("service/stopped" not in expected)
