"""What stands in awx/ fits together: the messages as AWX renders them, the picture, the settings, the timer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = Path(__file__).parents[2]
AWX = ROOT / "awx"
# A job as AWX has it when it checks a message that is saved, and as it is when one is sent.
STUB = {"id": 42, "name": "Stub JobTemplate", "status": "running", "artifacts": {}}
RED = {
    "id": 17,
    "name": "rescue502 recover",
    "status": "failed",
    "artifacts": {
        "rescue502_summary": {"web1": "healthy, 0.9 s", "web2": 'needs-approval: code/x, "quoted", 4.0 s'},
        "rescue502_outcomes": {"web1": "healthy", "web2": "needs-approval"},
        "rescue502_awaiting": ["code/x@web2"],
    },
}
HIDDEN = {**STUB, "artifacts": "$hidden due to Ansible no_log flag$"}
NONE = {key: value for key, value in STUB.items() if key != "artifacts"}


class Loader(yaml.SafeLoader):
    """Reads text that is not Ansible's to render as what it is."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
OBJECTS: dict[str, Any] = yaml.load((AWX / "objects.yml").read_text(encoding="utf-8"), Loader)


def rendered(name: str, job: dict[str, Any]) -> str:
    """A message in AWX's own sandbox, in which what is unknown fails."""
    context = {
        "job": job, "job_friendly_name": "Job", "url": "https://awx/#/jobs/playbook/17", "approval_status": "pending",
        "approval_node_name": "rescue502 approval", "workflow_url": "https://awx/#/workflows/3",
    }  # fmt: skip
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(OBJECTS[name]).render(context)


@pytest.mark.parametrize("job", [STUB, RED, HIDDEN, NONE], ids=["saved", "red", "hidden", "none"])
@pytest.mark.parametrize("kind", ["red", "approval"])
def test_awx_renders_each_message(kind: str, job: dict[str, Any]) -> None:
    assert "https://awx/#/" in rendered(f"awx_{kind}_text", job)
    assert json.loads(rendered(f"awx_{kind}_json", job))["url"].startswith("https://awx/#/")


def test_no_message_has_a_line_break() -> None:
    """AWX refuses one."""
    assert [name for name in OBJECTS if name.endswith(("_text", "_json")) and "\n" in OBJECTS[name]] == []


def test_a_message_says_what_is_wrong_and_what_waits() -> None:
    text = " ".join(rendered("awx_red_text", RED).split())
    assert text == (
        'rescue502 recover failed: web2: needs-approval: code/x, "quoted", 4.0 s; waiting for approval: code/x@web2 '
        "https://awx/#/jobs/playbook/17"
    )
    sent = json.loads(rendered("awx_red_json", RED))
    assert (sent["awaiting"], sent["outcomes"]["web2"]) == (["code/x@web2"], "needs-approval")


def test_the_picture_has_each_template() -> None:
    """And each node of the workflow."""
    drawn = set(re.findall(r'<text class="name"[^>]*>([^<]+)<', (AWX / "overview.svg").read_text(encoding="utf-8")))
    described = OBJECTS["awx_objects"]
    names = {item["name"] for item in described if item["kind"] == "job_templates"}
    assert {name.replace("{{ awx_prefix }} ", "") for name in names} <= drawn
    (nodes,) = (item["nodes"] for item in described if item["kind"] == "workflow_job_templates")
    assert {node["approval"]["name"].split()[-1] for node in nodes if "approval" in node} <= drawn


def test_each_setting_that_is_used_is_there_and_no_other() -> None:
    """A user finds all of them in one file."""
    settings = set(yaml.safe_load((AWX / "settings.yml").read_text(encoding="utf-8")))
    used = "".join((AWX / name).read_text(encoding="utf-8") for name in ("setup.yml", "objects.yml", "settings.yml"))
    named = set(re.findall(r"\bawx_\w+", used)) - set(OBJECTS) - {"awx_setup", "awx_needed", "awx_unset"}
    assert named == settings


def test_the_timer_starts_what_there_is(tmp_path: Path) -> None:
    """systemd reads both units; the command and its options are the runner's own."""
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("no systemd here")
    runner = Path(sys.executable).with_name("rescue502")
    for name in ("rescue502.service", "rescue502.timer"):
        text = (AWX / "timer" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/rescue502/.venv/bin/rescue502", str(runner)), encoding="utf-8")
    units = [str(tmp_path / name) for name in ("rescue502.service", "rescue502.timer")]
    done = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])
    (command,) = re.findall(
        r"ExecStart=\S+/(rescue502 .*)", (tmp_path / "rescue502.service").read_text(encoding="utf-8")
    )
    assert command == "rescue502 recover -i inventory/xamila"
