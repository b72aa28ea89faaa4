"""awx/setup.yml against AWX's API, over real HTTP: it makes all of it, then nothing; it removes what it made."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_awx
import pytest
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, Login
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.presence import Presence
from fake_awx import TOKEN, FakeAwx

from lab.playbook import COMMAND, ENVIRONMENT, ROOT

SECRET = "xoxb-not-to-be-seen"
TEMPLATES = (
    "recover", "check", "diagnose", "verify", "bundle", "recover with approval", "redeploy", "undo", "alert",
)  # fmt: skip
MADE = {
    "execution_environments": {"rescue502"},
    "projects": {"rescue502"},
    "inventories": {"rescue502"},
    "inventory_sources": {"rescue502"},
    "notification_templates": {"rescue502"},
    "workflow_job_templates": {"rescue502 repair with approval"},
    "teams": {"rescue502 operators", "rescue502 approvers"},
    "job_templates": {f"rescue502 {name}" for name in TEMPLATES},
}


@pytest.fixture
def awx() -> Iterator[FakeAwx]:
    """An AWX with what a user has made: an organization, two credentials, and a project and a team of their own."""
    with fake_awx.running() as awx:
        own = awx.add("organizations", name="Default")["id"]
        for name in ("web servers", "vault"):
            awx.add("credentials", name=name)
        awx.add("projects", name="somebody's", organization=own)
        awx.add("teams", name="somebody's", organization=own)
        yield awx


def setup(awx: FakeAwx, folder: Path, *words: str, **settings: Any) -> tuple[int, str]:
    """Run the README's command. Its return code and its output."""
    mine = {
        "awx_url": awx.url,
        "awx_repository": "https://git.example.org/rescue502.git",
        "awx_image": "registry.example.org/rescue502:1",
        "awx_machine_credential": "web servers",
        "awx_other_credentials": ["vault"],
        "awx_notification_type": "slack",
        "awx_notification": {"token": SECRET, "channels": ["#outages"], "hex_color": ""},
        "awx_export_to": str(folder / "exported.yml"),
        "awx_sync_seconds": 1,
        "awx_reports": "/srv/reports",
        **settings,
    }
    path = folder / "my-awx.yml"
    path.write_text(yaml.safe_dump(mine), encoding="utf-8")
    done = subprocess.run(
        [COMMAND, "awx/setup.yml", "-e", f"@{path}", *words],
        cwd=ROOT, env={**os.environ, **ENVIRONMENT, "CONTROLLER_OAUTH_TOKEN": TOKEN}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert TOKEN not in output
    assert SECRET not in output
    return done.returncode, output


def readable(output: str) -> str:
    """Without the breaks of long lines, and the quotes of -vvv."""
    return " ".join(output.replace("\\", "").split())


def names(awx: FakeAwx) -> dict[str, set[str]]:
    """What is there, but for what the user has made."""
    return {kind: awx.names(kind) - {"somebody's"} for kind in MADE}


def test_it_makes_all_then_nothing_and_removes_what_it_made(awx: FakeAwx, tmp_path: Path) -> None:
    code, output = setup(awx, tmp_path, "--check")
    assert code == 0, output
    assert awx.writes() == []
    assert 'made the job template "rescue502 recover"' in readable(output)

    code, output = setup(awx, tmp_path, "-vvv")
    assert code == 0, output
    assert names(awx) == MADE
    made = len(awx.writes())
    assert made > 40
    as_it_should_be(awx)

    code, output = setup(awx, tmp_path)
    assert code == 0, output
    assert awx.writes()[made:] == []
    assert "All is as it should be." in output
    assert "changed=0" in output

    code, output = setup(awx, tmp_path, "-e", "awx_state=exported")
    assert code == 0, output
    text = (tmp_path / "exported.yml").read_text(encoding="utf-8")
    assert "message: !unsafe '{{ job.name }}" in text, "what AWX says must be no template of Ansible's"
    again = Presence(Api(awx.url, Login(TOKEN)), yaml.safe_load(text.replace("!unsafe", ""))["awx_objects"])
    again.make()
    assert awx.writes()[made:] == [], "what is exported describes what is there"

    changed_by_hand(awx)
    code, output = setup(awx, tmp_path)
    assert code == 0, output
    assert len(awx.writes()[made:]) == 4, awx.writes()[made:]
    as_it_should_be(awx)

    removed_again(awx, tmp_path)


def as_it_should_be(awx: FakeAwx) -> None:
    """Spot checks of what matters: who may do what, what is asked, what runs by itself."""
    template = awx.named("job_templates", "rescue502 recover")
    number = template["id"]
    assert template["allow_simultaneous"] is True
    assert template["ask_limit_on_launch"] is True
    assert template["ask_variables_on_launch"] is False
    assert template["forks"] == 20
    linked = {number for path, number in awx.links if path == f"job_templates/{template['id']}/credentials"}
    assert {awx.objects["credentials"][number]["name"] for number in linked} == {"web servers", "vault"}
    schedule = awx.named("schedules", "rescue502 every few minutes")
    assert schedule["unified_job_template"] == number
    assert schedule["rrule"].endswith("RRULE:FREQ=MINUTELY;INTERVAL=5")
    approved = awx.named("job_templates", "rescue502 recover with approval")
    assert json.loads(approved["extra_vars"]) == {
        "rescue502_approve": "{{ rescue502_awaiting | default([]) }}", "rescue502_reports": "/srv/reports",
    }  # fmt: skip
    surveys = {path.split("/")[1]: survey["spec"][0]["variable"] for path, survey in awx.surveys.items()}
    undo, alert = (awx.named("job_templates", f"rescue502 {name}")["id"] for name in ("undo", "alert"))
    assert surveys == {
        str(approved["id"]): "rescue502_approve", str(undo): "rescue502_undo", str(alert): "rescue502_alert_host",
    }  # fmt: skip
    assert workflow(awx) == {
        "diagnose": ("rescue502 diagnose", {"failure_nodes": ["approve"]}),
        "approve": ("rescue502 approval", {"success_nodes": ["recover"]}),
        "recover": ("rescue502 recover with approval", {"success_nodes": ["verify"]}),
        "verify": ("rescue502 verify", {}),
    }
    assert "execute_role of rescue502 recover" in allowed(awx, "rescue502 operators")
    assert "execute_role of rescue502 recover with approval" not in allowed(awx, "rescue502 operators")
    assert "approval_role of rescue502 repair with approval" in allowed(awx, "rescue502 approvers")


def workflow(awx: FakeAwx) -> dict[str, tuple[str, dict[str, list[str]]]]:
    """Each node's template, and the nodes that follow it."""
    nodes = awx.objects["workflow_job_template_nodes"]
    templates = {**awx.objects["job_templates"], **awx.objects["workflow_approval_templates"]}
    return {
        node["identifier"]: (
            templates[node["unified_job_template"]]["name"],
            {
                key: [nodes[number]["identifier"] for number in value]
                for key, value in node.items()
                if key.endswith("_nodes")
            },
        )
        for node in nodes.values()
    }


def allowed(awx: FakeAwx, team: str) -> set[str]:
    """What a team may do."""
    path = f"teams/{awx.named('teams', team)['id']}/roles"
    given = {number for linked, number in awx.links if linked == path}
    return {
        f"{name} of {item['name']}"
        for kind in ("job_templates", "workflow_job_templates")
        for item in awx.objects[kind].values()
        for name, role in item["roles"].items()
        if role["id"] in given
    }


def changed_by_hand(awx: FakeAwx) -> None:
    """Four things: a field, a survey, a link of credentials, an edge of the workflow. A notification more may stay."""
    template = awx.named("job_templates", "rescue502 recover")
    template["forks"] = 5
    path = f"job_templates/{awx.named('job_templates', 'rescue502 undo')['id']}/survey_spec"
    awx.surveys[path] = {**awx.surveys[path], "spec": []}
    awx.links.remove((f"job_templates/{template['id']}/credentials", awx.named("credentials", "vault")["id"]))
    nodes = awx.objects["workflow_job_template_nodes"].values()
    next(node for node in nodes if node["identifier"] == "recover")["success_nodes"].clear()
    more = awx.add("notification_templates", name="somebody's")["id"]
    awx.links.add((f"job_templates/{template['id']}/notification_templates_error", more))


def removed_again(awx: FakeAwx, folder: Path) -> None:
    # One of the same name that somebody has put in the place of ours.
    awx.named("teams", "rescue502 operators")["description"] = "mine now"
    code, output = setup(awx, folder, "-e", "awx_state=absent")
    assert code == 0, output
    left = {kind: awx.names(kind) for kind in MADE}
    # AWX removes an inventory by a job of its own.
    assert awx.named("inventories", "rescue502")["pending_deletion"] is True
    assert {kind: found for kind, found in left.items() if found and kind != "inventories"} == {
        "projects": {"somebody's"},
        "notification_templates": {"somebody's"},
        "teams": {"somebody's", "rescue502 operators"},
    }
    assert awx.names("credentials") == {"web servers", "vault"}
    assert awx.objects["schedules"] == awx.objects["workflow_job_template_nodes"] == {}
    assert 'left the team "rescue502 operators", which rescue502 has not made' in readable(output)
