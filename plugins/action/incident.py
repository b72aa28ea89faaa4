# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record a remedy in the incident; conclude it, and release the host's lock that the run held; or report it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.report import conclusion
from ansible_collections.rescue502.django.plugins.plugin_utils.report.report import render_text
from ansible_collections.rescue502.django.plugins.plugin_utils.run import failure_words, host_lock, output, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident, RecordError
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident_delivery import IncidentDelivery
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import failing_outcomes, judge


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.incident` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("state", "mode", "remedy", "causes", "message", "marks", "closes"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """state `repaired` or `not_repaired` records a remedy; `concluded` closes the record and judges the run.

        `taken_back` or `not_taken_back`: what became of remedies that were in vain. `failed`: the run did not come to
        its end. `reported` prints a concluded record, and fails where its outcome is one of rescue502_fail_on.
        Raises AnsibleActionFail where the record cannot be read or written.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        arguments = self._task.args
        state = arguments["state"]
        try:
            given = settings.read(task_vars, self._templar)
            host = task_vars["inventory_hostname"]
            record = Incident(given.reports, given.incident, host, arguments.get("mode", "recover"))
        except (settings.SettingsError, RecordError) as error:
            raise AnsibleActionFail(str(error)) from error
        record.data["awx"] = given.awx
        if state == "concluded":
            result.update(self._conclude(given, record, task_vars))
        elif state == "reported":
            IncidentDelivery(self, task_vars, given).deliver(record)
            result.update(self._report(given, record, bool(arguments.get("closes"))))
        elif state == "failed":
            if not record.is_concluded():
                record.conclude("failed", str(arguments.get("message", "")))
        elif state in ("taken_back", "not_taken_back"):
            record.take_back(list(arguments["marks"]), str(arguments.get("message", "")), state == "taken_back")
            record.save()
        else:
            result.update(_recorded(record, arguments, task_vars), not_now=record.not_now(given.deadline))
        return {"changed": False, **result}

    def _conclude(self, given: settings.Settings, record: Incident, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The incident as data, judged, and its host released."""
        if not record.is_concluded():
            check = bool(self._task.check_mode)
            record.conclude(*judge(record.data, check), check)
        if record.data.get("holds_lock") and not self._task.check_mode:
            self._release(given, record, task_vars)
        return {
            **conclusion.result(record.data),
            "report": str(record.path),
        }

    def _report(self, given: settings.Settings, record: Incident, closes: bool) -> dict[str, Any]:
        """The report, as this host's own result, so that a reader of the job's events sees whose it is.

        closes: the run's table follows as a task of this host, for which Ansible must not take it to be unreachable.
        """
        many = record.data["hosts_in_run"] > 1
        failing = bool(failing_outcomes(record.data) & set(given.fail_on))
        gone = failing and record.data["outcome"] == "unreachable" and not (closes and many)
        result = {"msg": f"{record.data['outcome']}: {record.data['message']}"}
        # Of many hosts that are well, a line each.
        if record.data["outcome"] != "healthy" or not many:
            page = str(record.page()) if given.keeps_reports else ""
            result["report"] = output.text(render_text(record.data, page).lstrip("\n"))
        return {**result, **({"unreachable": True} if gone else {"failed": failing}), "_ansible_verbose_always": True}

    def _release(self, given: settings.Settings, record: Incident, task_vars: dict[str, Any]) -> None:
        done = [{key: action[key] for key in ("remedy", "for", "changed", "ok")} for action in record.data["actions"]]
        unit = (record.data["evidence"].get("stack") or {}).get("unit", "")
        facts = {"outcome": record.data["outcome"], "actions": done}
        try:
            host_lock.release(Target(self, task_vars, given.incident), given, str(unit), facts)
        except AnsibleConnectionFailure:
            # The lock ends by itself when the host sees no more of the run.
            self._display.warning("the host went away at the end of the run; its lock ends by itself")


def _recorded(record: Incident, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
    """Record one remedy, and return after which look it was applied."""
    ok, remedy = arguments["state"] == "repaired", str(arguments["remedy"])
    said = [] if ok else [_why(task_vars, remedy)]
    message = "; ".join([*said, *_notes(task_vars, remedy)])
    record.act(remedy, list(arguments["causes"]), _changed(task_vars, remedy), ok, message)
    record.save()
    return {"look": record.data["passes"]}


def _why(task_vars: dict[str, Any], remedy: str) -> str:
    """Why a remedy failed, in the words of its failed task. Where its role could not be read, no task has left any."""
    if "ansible_failed_result" not in task_vars:
        return f"Ansible cannot read the role {remedy}: is its collection where Ansible looks?"
    return failure_words.of(task_vars["ansible_failed_result"])


def _changed(task_vars: dict[str, Any], remedy: str) -> bool:
    """Whether the role changed anything: every task of a remedy that can registers `<remedy>_<what>`."""
    return any(value.get("changed") is True for value in _registered(task_vars, remedy))


def _notes(task_vars: dict[str, Any], remedy: str) -> list[str]:
    """Notes of the role's tasks for people, such as where a dump is: their results' `note`.

    Of one that failed the message has it.
    """
    results = [value for value in _registered(task_vars, remedy) if not value.get("failed")]
    return [str(value["note"]) for value in results if value.get("note")]


def _registered(task_vars: dict[str, Any], remedy: str) -> list[dict[str, Any]]:
    role = remedy.rpartition(".")[2]
    return [value for name, value in task_vars.items() if name.startswith(role + "_") and isinstance(value, dict)]
