"""What is shipped for alerts: rulebooks that let only a host's name through, and samples that fit to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.playbook import COMMAND, ENVIRONMENT

ROOT = Path(__file__).parents[2]
RULEBOOKS = sorted((ROOT / "extensions/eda/rulebooks").glob("*.yml"))
SAMPLES = ROOT / "docs/examples/alerts"
# The condition that a label must fulfil before it is used: a name, and no pattern or template.
_GUARD = re.compile(r'(event[\w.]+) is match\("(\^\[A-Za-z0-9_\]\[A-Za-z0-9\._-\]\*\$)", ignorecase=false\)')
_USED = re.compile(r"\{\{\s*(event[\w.]+)[^}]*\}\}")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[Any]:
    found = [(path.stem, ruleset, rule) for path in RULEBOOKS for ruleset in load(path) for rule in ruleset["rules"]]
    return [pytest.param(ruleset, rule, id=name) for name, ruleset, rule in found]


@pytest.mark.parametrize(("ruleset", "rule"), rules())
def test_only_a_name_of_a_host_is_used_once_in_a_while(ruleset: dict[str, Any], rule: dict[str, Any]) -> None:
    """Whatever else an event says is used nowhere: Ansible takes extra variables for templates."""
    guarded = _GUARD.search(rule["condition"])
    assert guarded, rule["condition"]
    assert " or " not in rule["condition"]
    assert set(_USED.findall(json.dumps(rule["action"]))) == {guarded[1]}
    assert rule["throttle"] == {"once_within": "5 minutes", "group_by_attributes": [guarded[1]]}
    (action,) = rule["action"].values()
    variables = action.get("extra_vars") or action["job_args"]["extra_vars"]
    assert variables["rescue502_alert_host"] == f"{{{{ {guarded[1]} }}}}"
    assert rule["action"].get("run_job_template", {}).get("include_events", False) is False


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_nobody_is_heard_without_the_token(path: Path) -> None:
    """Nor from another machine, unless that is configured. The token is in no file and on no command line."""
    for ruleset in load(path):
        for source in ruleset["sources"]:
            webhook = source["eda.builtin.webhook"]
            assert webhook["token"] == "{{ RESCUE502_EDA_TOKEN }}"
            assert webhook["host"] == "{{ rescue502_eda_host | default('127.0.0.1') }}"
    assert f"-r rescue502.django.{path.stem}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "said"), [("web1", "web1"), ("web", "'web' is not a host of the inventory")])
def test_the_playbook_is_for_one_host(tmp_path: Path, name: str, said: str) -> None:
    """Ansible itself is asked which hosts it would take."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("web: {hosts: {web1: {}, web2: {}}}", encoding="utf-8")
    command = [COMMAND, "-i", str(inventory), "playbooks/alert.yml", "-e", f"rescue502_alert_host={name}"]
    done = subprocess.run(
        [*command, "--list-hosts"],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stdout + done.stderr
    assert "web2" not in done.stdout
    assert (done.returncode == 0) is (name == "web1"), done.stdout + done.stderr


def test_the_samples_fit_to_each_other_and_to_the_rulebooks() -> None:
    """The alert's name, its label, its job, the module, the ports."""
    prometheus, alertmanager = load(SAMPLES / "prometheus.yml"), load(SAMPLES / "alertmanager.yml")
    (job,) = prometheus["scrape_configs"]
    ((rule,),) = [group["rules"] for group in load(SAMPLES / "rescue502_rules.yml")["groups"]]
    assert rule["alert"].startswith("Rescue502")
    assert rule["expr"] == f'min by (host) (probe_success{{job="{job["job_name"]}"}}) == 0'
    assert all("host" in target["labels"] for target in job["static_configs"])
    assert job["params"]["module"] == list(load(SAMPLES / "blackbox.yml")["modules"])
    assert prometheus["rule_files"] == ["rescue502_rules.yml"]
    (webhook,) = [hook for receiver in alertmanager["receivers"] for hook in receiver.get("webhook_configs", [])]
    assert all(
        f"rescue502_eda_port | default({webhook['url'].split(':')[2].strip('/')})" in path.read_text("utf-8")
        for path in RULEBOOKS
    )
    assert {route["receiver"] for route in alertmanager["route"]["routes"]} == {"rescue502", "people"}


def test_the_units_fit_to_each_other() -> None:
    """systemd's own: a timer has the name of its service, and OnFailure= that of the unit which is shipped."""
    folder = ROOT / "docs/examples/watch"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "rescue502-watch.service",
        "rescue502-watch.timer",
        "rescue502-alert@.service",
        "10-rescue502-alert.conf",
    }
    assert "OnFailure=rescue502-alert@%n.service" in (folder / "10-rescue502-alert.conf").read_text(encoding="utf-8")
    service = (folder / "rescue502-watch.service").read_text(encoding="utf-8")
    assert "rescue502 watch -i /etc/rescue502/inventory --reports /var/lib/rescue502" in service
