# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch a report that a host has kept: into the reports folder, as if the run had been steered from here."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.run import fetched_reports, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import RecordError
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.kept_reports` task with `state: read`."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("incident",))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns {known, path, report}. Fails where the host has no such report, or what it has is not one.

        One that the controller has already stays as it is: a host does not write anew what was seen of it.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            given = settings.read(task_vars, self._templar)
            target = Target(self, task_vars, given.incident)
            wanted = {"incident": str(self._task.args.get("incident") or "")}
            answer = target.run("kept_reports", wanted, "known")
            if "known" not in answer:
                raise AnsibleActionFail(complaint(answer, "kept_reports"))
            known = [str(name) for name in answer["known"]] if isinstance(answer["known"], list) else []
            if not answer.get("record"):
                has = ", ".join(reversed(known[-10:])) or "none"
                raise AnsibleActionFail(f"no report of {wanted['incident'] or 'any incident'}; this host has: {has}")
            path = fetched_reports.save(given.reports, given.scope.host, answer["record"])
        except (settings.SettingsError, RecordError) as error:
            raise AnsibleActionFail(str(error)) from error
        report = [f"{given.scope.host}: {path}"]
        return {**result, "changed": False, "known": known, "path": str(path), "report": report, "msg": report[0]}
