# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack a bundle on the target and bring it to the controller, where its owner alone may read it."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.bundle` task: the module of that name, and where `dest` is given, the way back."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("unit", "database_unit", "logs", "probe", "dest"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result; `path` is that on the controller where `dest` is given.

        Raises AnsibleActionFail where it could not be made or fetched.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        destination = str(arguments.pop("dest", "") or "")
        packed = self._execute("rescue502.django.bundle", arguments, task_vars)
        if not destination or packed.get("failed") or self._task.check_mode:
            return {**result, **packed}
        try:
            path = str(packed["path"])
            read = self._execute("ansible.legacy.slurp", {"src": path}, task_vars)
            content = base64.b64decode(read["content"], validate=True)
            os.makedirs(os.path.dirname(destination), exist_ok=True)
            atomic_write.replace(destination, content)
        except (KeyError, TypeError, binascii.Error) as error:
            raise AnsibleActionFail(f"the bundle did not come back whole: {clean(str(error))}") from error
        except OSError as error:
            raise AnsibleActionFail(f"the bundle cannot be written: {error}") from error
        self._execute("ansible.legacy.file", {"path": os.path.dirname(path), "state": "absent"}, task_vars)
        return {**result, **packed, "path": destination}

    def _execute(self, module: str, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        return done
