# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pause a host, in the name of who runs the play, or end its pause."""

from __future__ import annotations

import getpass
import platform
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.run import host_lock, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint

# Whom AWX runs the job for.
AWX_USERS = ("awx_user_name", "tower_user_name")


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.pause` task: the module of that name, and lines for a person."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("state", "lasts_until", "by", "reason"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns {paused, at_work, report}. Fails where the host cannot be paused, or not until then."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        given = settings.read_or_fail(task_vars, self._templar)
        arguments = {"by": who(task_vars), **{key: str(value) for key, value in self._task.args.items() if value}}
        answer = Target(self, task_vars, given.incident).run("pause", arguments, "paused")
        if not isinstance(answer.get("paused"), dict) or not isinstance(answer.get("at_work"), dict):
            raise AnsibleActionFail(complaint(answer, "pause"))
        report = lines(given.scope.host, answer["paused"], answer["at_work"])
        return {**result, **answer, "report": report, "msg": report[0], "_ansible_verbose_always": True}


def who(task_vars: dict[str, Any]) -> str:
    """Who runs the play: AWX's user, or this account and controller."""
    named = next((str(task_vars[name]) for name in AWX_USERS if task_vars.get(name)), "")
    if named:
        return f"{named} (AWX)"
    try:
        return f"{getpass.getuser()} at {platform.node()}"
    except (KeyError, OSError):
        return platform.node()


def lines(host: str, paused: dict[str, Any], at_work: dict[str, Any]) -> list[str]:
    """What holds now, for a person."""
    held = host_lock.pause_words(paused)
    said = [f"{host}: {held}" if held else f"{host}: not paused; runs may repair it"]
    return said + ([f"{host}: goes on: {host_lock.holder_words(at_work)}"] if held and at_work else [])
