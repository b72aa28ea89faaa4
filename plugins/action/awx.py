# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make, keep, export or remove what AWX needs to run rescue502."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.awx import export, removal
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, ApiError, Login
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import ObjectError
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.presence import Presence


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.awx` task. It works on the controller alone, over AWX's API."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(
        ("url", "token", "username", "password", "validate_certs", "state", "objects", "sync_seconds")
    )

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns {changed, changes, left}, or of state `exported` {objects, yaml}."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        items = [item for item in given["objects"] if boolean(item.get("wanted", True))]
        login = Login(*(str(given.get(key) or "") for key in ("token", "username", "password")))
        left: list[str] = []
        presence = None
        try:
            certs = boolean(given.get("validate_certs", True))
            api = Api(str(given["url"]), login, certs, bool(self._task.check_mode))
            if given.get("state") == "exported":
                exported = export.export(api, items)
                return {**result, "changed": False, "objects": exported, "yaml": export.as_yaml(exported)}
            if given.get("state") == "absent":
                changes, left = removal.remove(api, items)
            else:
                presence = Presence(api, items, float(given.get("sync_seconds", 300)))
                presence.make()
                changes = presence.changes
        except (ApiError, ObjectError) as error:
            done = presence.changes if presence else []
            raise AnsibleActionFail("; ".join([str(error), *(f"before that, {what}" for what in done)])) from None
        return {**result, "changed": bool(changes), "changes": changes, "left": left}
