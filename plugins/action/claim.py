# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a host's lock for a playbook of its own, such as a deployment, and release it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.run import host_lock, settings, verdict
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.claim` task: the module of that name, with this run's id and this controller's."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("state", "unit", "root", "venv"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fails where another run is at work on the host. Returns {incident}."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        given = settings.read_or_fail(task_vars, self._templar)
        target = Target(self, task_vars, given.incident)
        unit = str(self._task.args.get("unit", ""))
        if self._task.args.get("state", "held") == "released":
            host_lock.release(target, given, unit, {})
        else:
            self._hold(target, given, {name: str(self._task.args.get(name, "")) for name in ("unit", "root", "venv")})
        return {**result, "changed": False, "incident": given.incident}

    def _hold(self, target: Target, given: settings.Settings, app: dict[str, str]) -> None:
        try:
            lock = host_lock.take(target, given, app, [])
        except host_lock.LockError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        if not lock.held and not self._task.check_mode:
            raise AnsibleActionFail(f"{verdict.lock_words(lock.locked_by)}. Nothing was changed.")
        if lock.others and not self._task.check_mode:
            host_lock.release(target, given, app["unit"], {})
            who = verdict.in_words(lock.others)
            raise AnsibleActionFail(f"others are at work on this host: {who}. Nothing was changed.")
