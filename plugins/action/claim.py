# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Claim a host for a playbook of its own, such as a deployment, and let it go again."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.run import claims, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.claim` task: the module of that name, told of this run and this controller."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("state", "unit"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fails where another run is at work on the host. Returns {incident}."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            given = settings.read(task_vars, self._templar)
        except settings.SettingsError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        target = Target(self, task_vars, given.incident)
        unit = str(self._task.args.get("unit", ""))
        if self._task.args.get("state", "held") == "released":
            claims.release(target, given, unit, {})
        else:
            self._hold(target, given, unit)
        return {**result, "changed": False, "incident": given.incident}

    def _hold(self, target: Target, given: settings.Settings, unit: str) -> None:
        try:
            claim = claims.take(target, given, unit, [])
        except claims.ClaimError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        if not claim.held and not self._task.check_mode:
            raise AnsibleActionFail(f"another run is at work on this host: {claim.locked_by}. Nothing was changed.")
