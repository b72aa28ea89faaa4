# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probe, diagnose and plan in one task; the incident's record is kept as it goes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils import catalogue, plan, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.incident import Incident, now

PROBE = "rescue502.django.probe"
# Python on the target puts a module into a folder for temporary files first. Where the disk is full there is none, but
# systemd gives every host one in memory.
MEMORY = "/dev/shm"
_NO_ROOM = re.compile(r"No usable temporary directory|No space left on device|Read-only file system")


def _catalogue(given: settings.Settings) -> catalogue.Catalogue:
    """The failure modes. AnsibleActionFail where a file breaks the schema, or an approval is of nothing in them."""
    try:
        known = catalogue.load(given.failure_paths)
        given.require_known_approvals(known)
    except (catalogue.CatalogueError, settings.SettingsError) as error:
        raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
    return known


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.diagnose` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("mode", "level", "hold"))
    _temporary = ""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """One look: {stack, incident, root_causes, edge, plan, number, done}; the evidence goes to the record."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        mode = self._task.args.get("mode", "diagnose")
        try:
            given = settings.read(task_vars, self._templar)
        except settings.SettingsError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        if self._task.args.get("level") == "stack":
            stack = self._probe(given, task_vars, "stack", {})["stack"]
            return {**result, "changed": False, "stack": stack, "probe": given.probe}
        record = Incident(given.reports, given.incident, task_vars["inventory_hostname"], mode)
        if self._task.check_mode and record.data["actions"]:
            # Nothing has changed, so a second look would see what the first one saw.
            return {**result, "changed": False, "done": True, "number": 1, "plan": []}
        try:
            # The catalogue is read while the target answers: an outage is counted in seconds.
            with ThreadPoolExecutor(1) as beside:
                loading = beside.submit(_catalogue, given)
                evidence = self._look(given, task_vars, record)
                known = loading.result()
        except AnsibleConnectionFailure as error:
            record.conclude("unreachable", str(error))
            raise
        except AnsibleActionFail as error:
            record.conclude("failed", str(error))
            raise
        diagnosis = diagnose(evidence, known)
        result.update(self._decide(diagnosis, given.approved, record), changed=False)
        result.update(temporary=self._temporary, incident=given.incident)
        record.save()
        return result

    def _look(self, given: settings.Settings, task_vars: dict[str, Any], record: Incident) -> dict[str, Any]:
        """The first look is quick where all is well. After a remedy the edge must hold, and gets time to settle."""
        mended = bool(record.data["actions"])
        level = "full" if mended else self._task.args.get("level") or given.level
        patient = mended or bool(self._task.args.get("hold"))
        hold = given.hold_seconds if patient else 0
        waits = {"hold_seconds": hold, "settle_seconds": given.settle_seconds, "patient": patient}
        return self._probe(given, task_vars, level, waits)

    def _probe(
        self, given: settings.Settings, task_vars: dict[str, Any], level: str, waits: dict[str, Any]
    ) -> dict[str, Any]:
        arguments = {**given.probe, "level": level, **waits}
        probed = self._execute_module(module_name=PROBE, module_args=arguments, task_vars=task_vars)
        if "evidence" not in probed and _NO_ROOM.search(str(probed.get("module_stderr", ""))):
            self._task.environment = [*(self._task.environment or []), {"TMPDIR": MEMORY}]
            self._temporary = MEMORY
            probed = self._execute_module(module_name=PROBE, module_args=arguments, task_vars=task_vars)
        if "evidence" not in probed:
            raise AnsibleActionFail(str(probed.get("msg") or probed.get("module_stderr") or "the probe did not answer"))
        evidence = dict(probed["evidence"])
        if isinstance(evidence.get("probe"), dict):
            # The controller's clock beside the host's: the diagnosis itself knows no time.
            evidence["probe"] = {**evidence["probe"], "received": now()}
        return evidence

    @staticmethod
    def _decide(diagnosis: Diagnosis, approved: list[str], record: Incident) -> dict[str, Any]:
        """What to do next; done where the plan is empty or holds nothing that was not tried before."""
        todo = plan.make(diagnosis, approved)
        fresh = [action for action in todo.actions if not record.tried(action.remedy, action.causes)]
        record.look(diagnosis, todo, checklist(diagnosis.evidence))
        stack = diagnosis.evidence.get("stack", {})
        facts = diagnosis.evidence.get("files", {})
        module = _within(diagnosis.evidence, "rehearsal", "steps", "settings", "module")
        return {
            "stack": {
                **stack,
                "media_root": facts.get("media_root", ""),
                "logs": facts.get("logs", []),
                "settings_module": module or stack.get("settings_module", ""),
            },
            "root_causes": [finding.id for finding in diagnosis.root_causes],
            "edge": record.data["edge"]["after"],
            "plan": [action.public() for action in fresh],
            "number": record.data["passes"],
            "done": not fresh,
        }


def _within(evidence: Any, *names: str) -> Any:
    """A piece of evidence by its path; None where the path ends early."""
    for name in names:
        evidence = evidence.get(name) if isinstance(evidence, dict) else None
    return evidence
