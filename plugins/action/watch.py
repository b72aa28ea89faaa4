# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a host's site from the controller, as a visitor would: without a connection to the host."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.run import outside_edge, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean, file_name

# One answer that fails may be a visitor's bad luck: the site is asked again before anybody is sent there.
AGAIN_SECONDS = 5.0
# Where somebody was sent to a host, nobody is again for so long.
REST_SECONDS = 300.0
MEMORY = "watched"
SHOWN = 200


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.watch` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("again",))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns {is_down, report}. Fails where a setting cannot be used, or no check can be asked from here."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = settings.read_or_fail(task_vars or {}, self._templar)
        wrong = _wrong(given)
        if wrong:
            time.sleep(float(self._task.args.get("again", AGAIN_SECONDS)))
            wrong = _wrong(given)
        memory = given.reports / MEMORY / file_name(given.scope.host)
        rests = bool(wrong) and _age(memory) < REST_SECONDS
        if wrong and not rests and not self._task.check_mode:
            memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            memory.touch()
        then = "; it was looked at a short while ago" if rests else "; it is looked at"
        report = [f"{given.scope.host}: {wrong}{then}"] if wrong else []
        return {**result, "changed": False, "is_down": bool(wrong) and not rests, "report": report}


def _wrong(given: settings.Settings) -> str:
    """What is wrong with the site's answers, in words; empty where nothing is."""
    probe = given.probe
    answers = outside_edge.ask(probe.get("edge"), str(probe.get("cors_origin") or ""))
    if not answers["checks"]:
        why = "; ".join(item["why"] for item in answers["unasked"]) or "rescue502_edge has no check"
        raise AnsibleActionFail(f"{given.scope.host} cannot be watched from here: {why}. Nothing was changed.")
    failed = [item for item in answers["checks"] if item["problem"]]
    return "; ".join(clean(f"{item['url']}: {item['problem']}", SHOWN) for item in failed)


def _age(path: Path) -> float:
    """Seconds since a file was touched; without end where there is none, or it is of the future."""
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
    return age if age >= 0 else float("inf")
