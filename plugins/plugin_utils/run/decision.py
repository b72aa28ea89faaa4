# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done after a look: which remedies run now, what is taken back first, and whether the run is at its end."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import edge_summary, plan, setbacks
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis
from ansible_collections.rescue502.django.plugins.plugin_utils.report.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.run import settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident


def decide(diagnosis: Diagnosis, approved: list[str], given: settings.Settings, record: Incident) -> dict[str, Any]:
    """Decide what to do next; done where the plan is empty, holds nothing that was not tried before, or time is up.

    Where the remedies since the last look were in vain and can be taken back exactly, that comes first.
    """
    vain, restarted = setbacks.in_vain(record.data, diagnosis), record.has_restarted()
    failed = [(act["remedy"], cause) for act in record.data["actions"] if not act["ok"] for cause in act["for"]]
    todo = plan.make(
        diagnosis, approved, failed, given.host_to_name(record.data["hosts_in_run"]), was_down=record.was_down()
    )
    fresh = [action for action in todo.actions if not vain and not record.tried(action.remedy, action.causes)]
    record.look(diagnosis, todo, checklist(diagnosis.evidence))
    if record.expire(given.deadline, [action.remedy for action in fresh]):
        fresh = []
    stack = diagnosis.evidence.get("stack", {})
    facts = diagnosis.evidence.get("files", {})
    module = within(diagnosis.evidence, "rehearsal", "steps", "settings", "module")
    wanted = within(diagnosis.evidence, "dependencies", "requirements") or {}
    return {
        "stack": {
            **stack,
            "media_root": facts.get("media_root", ""),
            "logs": facts.get("logs", []),
            "named_folders": facts.get("named_folders", []),
            "requirements": wanted["path"] if wanted.get("exists") is True else "",
            "settings_module": module or stack.get("settings_module", ""),
        },
        "root_causes": [finding.id for finding in diagnosis.root_causes],
        "also_found": [finding.id for finding in diagnosis.also_found],
        "edge": record.data["edge"]["after"],
        "plan": [action.public() for action in fresh],
        "number": record.data["passes"],
        "take_back": [setbacks.mark(done) for done in vain],
        # What was started from what is taken back is started from what was there before.
        "restart_after": bool(vain) and restarted,
        "done": not fresh and not vain,
        "bundle_due": False,
        "ends": record.ends(given.deadline),
    }


def require_found(todo: list[dict[str, Any]], task_vars: dict[str, Any], templar: Any) -> None:
    """Check that remedies get what the look found. AnsibleActionFail where a variable of the user's is preferred.

    A role takes what was found by its defaults, which give way to the inventory: a path that was set for a role alone
    must not be what another remedy writes to.
    """
    for action in todo:
        for name, found in action["vars"].items():
            given = templar.template(task_vars[name]) if name in task_vars else found
            if name.startswith(settings.PREFIX) and str(given) != str(found):
                raise AnsibleActionFail(
                    f"{name} is set for this host, and {action['remedy']} would use that instead of what was found: "
                    "set it only in plays that use a role alone"
                )


def within(evidence: Any, *names: str) -> Any:
    """A piece of evidence by its path; None where the path ends early."""
    for name in names:
        evidence = evidence.get(name) if isinstance(evidence, dict) else None
    return evidence


def is_unexplained(diagnosis: Diagnosis) -> bool:
    """Whether the edge is not well, all could be read, and nothing that was seen is a cause."""
    unread = within(diagnosis.evidence, "probe", "unread")
    return not diagnosis.root_causes and not unread and not edge_summary.summary(diagnosis.evidence)["well"]
