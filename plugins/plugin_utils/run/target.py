# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our modules, run on the target for one incident: by its mark there, a run's processes are known.

What they answer is cleaned here, and nowhere after it.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.run.state_directory import INCIDENT
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import DEPTH, clean, clean_tree

# Python on the target puts a module into a folder for temporary files first. Where the disk is full there is none, but
# systemd gives every host one in memory.
MEMORY = "/dev/shm"
_NO_ROOM = re.compile(r"No usable temporary directory|No space left on device|Read-only file system")


class Target:
    """The host of a task."""

    def __init__(self, action: Any, task_vars: dict[str, Any], incident: str) -> None:
        """action: the action plugin that runs; task_vars: its variables."""
        self._action = action
        self._task_vars = task_vars
        self.temporary = ""
        # Where the place is not there, or is not for this account, Python takes a usual one.
        self._add_environment({INCIDENT: incident, "TMPDIR": leftovers.TEMPORARY})

    def run(self, module: str, arguments: dict[str, Any], answers_with: str) -> dict[str, Any]:
        """The result of one of our modules; where it fails for want of room, it is tried again with room in memory.

        answers_with: a key that each of its answers has, by which a failure is recognised.
        """
        answer = self._execute(module, arguments)
        if answers_with not in answer and not self.temporary and _NO_ROOM.search(str(answer.get("module_stderr", ""))):
            self.temporary = MEMORY
            self._add_environment({"TMPDIR": MEMORY})
            answer = self._execute(module, arguments)
        return answer

    def _execute(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer, cleaned. AnsibleActionFail where none can be read: a host may answer anything, at any depth."""
        try:
            answer = self._action._execute_module(
                module_name=f"rescue502.django.{module}", module_args=arguments, task_vars=self._task_vars
            )
            # The evidence in it keeps the depth that it would have by itself.
            cleaned: dict[str, Any] = clean_tree(answer, depth=DEPTH + 1)
        except AnsibleConnectionFailure as error:
            # What ssh passes on from a host, such as its banner, is for no terminal.
            raise AnsibleConnectionFailure(clean(str(error))) from error
        except AnsibleActionFail:
            raise
        except (AnsibleError, RecursionError, TypeError, ValueError) as error:
            words = clean(str(error))
            raise AnsibleActionFail(f"{module} was not run, or its answer cannot be read: {words}") from error
        return cleaned

    def _add_environment(self, variables: dict[str, str]) -> None:
        task = self._action._task
        task.environment = [*(task.environment or []), variables]


def complaint(answer: dict[str, Any], module: str) -> str:
    """Why a module gave no answer."""
    return str(answer.get("msg") or answer.get("module_stderr") or f"the module {module} did not answer")
