# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`nginx -t` within the options of nginx's own unit: its sandbox, limits and account may refuse what root may."""

from __future__ import annotations

import contextlib
import os
import time

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unit_copy

SECONDS = 4.0
POLL_SECONDS = 0.1
_ENDED = ("failed", "inactive")


def objection(shown: dict[str, str], words: list[str]) -> str:
    """What nginx says where its unit's options keep it from running; empty where they do not, or it cannot be asked.

    shown: the properties of nginx's unit. words: the program and its options, up to `-t`.
    """
    paths = [shown.get("FragmentPath", ""), *systemd.words(shown.get("DropInPaths", ""))]
    paths = [path for path in paths if path and os.path.basename(os.path.dirname(path)) != "service.d"]
    if os.geteuid() != 0 or not paths or any(write_access.on_the_way(path, 0) for path in paths):
        return ""
    name = trial_unit.free_name("nginx")
    with contextlib.suppress(OSError, systemd.SystemdError):
        texts = [safe_files.text(path) for path in paths]
        text = unit_copy.text(shown["Id"], texts, shown, words, name, int(SECONDS) + 2, trial_unit.output(name))
        with trial_unit.started(name, text, 0o600) as unit:
            return _verdict(unit)
    return ""


def _verdict(unit: trial_unit.TrialUnit) -> str:
    deadline = time.monotonic() + SECONDS
    while (state := unit.state()).get("ActiveState") not in _ENDED and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    status = state.get("ExecMainStatus", "0")
    if state.get("ActiveState") != "failed" and not unit.problem:
        return ""
    said = [line for line in unit.said() if line.strip()]
    emerg = next((line for line in said if "[emerg]" in line), "")
    return (emerg or (said[-1] if said else "") or unit.problem or f"it ended with status {status}")[:500]
