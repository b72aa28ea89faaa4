# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take back what an incident changed on the target, and report it in plain lines."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean_tree

MODULE = "rescue502.django.undo"
# How many things of a kind are listed one by one: owners and modes may be those of a whole tree.
MOST = 40


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.undo` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("incident", "remedies"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result, and `report`: the lines for a person. Fails where something was left alone."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        done = self._execute_module(module_name=MODULE, module_args=self._task.args, task_vars=task_vars)
        if "found" not in done:
            return {**result, **done}
        host, unit = task_vars["inventory_hostname"], str(task_vars.get("rescue502_unit") or "the app's unit")
        done["report"] = lines(host, str(self._task.args["incident"]), unit, done, bool(self._task.check_mode))
        done = clean_tree(done)
        self._display.display("\n".join(["", *done["report"]]))
        return {**result, **done, "failed": bool(done.get("left")), "msg": done["report"][0]}


def lines(host: str, incident: str, unit: str, done: dict[str, Any], check: bool) -> list[str]:
    """Lines on what was done on one host, what was not, and what is left to do by hand."""
    if not done["found"]:
        known = ", ".join(reversed(done["known"][-10:])) or "none"
        return [f"{host}: no record of {incident}; this host has: {known}"]
    undone, left, by_hand = done["undone"], done["left"], done["by_hand"]
    verb = "would be as before" if check else "as before again"
    report = [f"{host}: {incident}: {len(undone)} {verb}, {len(left)} left alone, {len(by_hand)} that cannot be undone"]
    report += _some([f"  ✓ {_line(what)}" for what in undone])
    report += _some([f"  ✗ {_line(item['what'])}: left alone: {_line(item['why'])}" for item in left])
    for item in by_hand[:MOST]:
        report.append(f"  ! {_line(item['what'])}" + (", by hand:" if item["by_hand"] else ""))
        report += [f"      {line}" for line in item["by_hand"].splitlines()]
    if undone:
        report.append("Nothing was restarted. For what runs to follow:")
        report += ["      systemctl reload nginx"] if done["reload_nginx"] else []
        report.append(f"      systemctl restart {unit}")
    return report


def _line(text: str) -> str:
    """Text from a host as one line: what it calls its files must not look like a line of ours."""
    return " ".join(text.split())


def _some(items: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    return items if len(items) <= MOST else [*items[:MOST], f"  … and {len(items) - MOST} more"]
