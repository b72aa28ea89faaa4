# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which systemd unit is nginx's, and how its own program is asked: packages and people call it by other names too."""

from __future__ import annotations

import os
import re
import subprocess
from functools import lru_cache

from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

USUAL = "nginx.service"
# nginx, and what is built from it and takes the same configuration.
PROGRAMS = ("nginx", "openresty", "angie", "freenginx", "tengine")
RUNS = ("active", "activating", "reloading")
STARTS_AT_BOOT = ("enabled", "enabled-runtime", "linked")
_FACTS = ["Id", "LoadState", "ActiveState", "UnitFileState", "ExecStart"]
_ASK_SECONDS = 5.0
# systemd starts it, as it does by the unit.
ONCE = ("--quiet", "--pipe", "--wait", "--collect")
# Options that say where the configuration is (nginx.org/en/docs/switches.html).
_PLACES = ("-c", "-p")


@lru_cache(maxsize=1)
def name() -> str:
    """The unit that runs nginx, or is to: one that runs, else one that is started at boot, else the usual one.

    Where none is known to systemd, the usual one too. It is looked for once: one look is one moment.
    """
    usual = systemd.show_many([USUAL], _FACTS)
    if usual and _rank(usual[0]) < 2:
        return USUAL
    found = [unit for unit in _units() if unit.get("LoadState") == "loaded" and program(unit)]
    found = sorted([*found, *usual], key=_rank)
    return found[0].get("Id", USUAL) if found and _rank(found[0]) < 4 else USUAL


def _rank(unit: dict[str, str]) -> int:
    """How likely a unit is the one that serves, the likeliest first; 4 for one that cannot be started."""
    if unit.get("LoadState") != "loaded":
        return 4
    if unit.get("ActiveState") in RUNS:
        return 0
    if unit.get("UnitFileState") in STARTS_AT_BOOT:
        return 1
    return 2 if unit.get("Id") == USUAL else 3


def _units() -> list[dict[str, str]]:
    """All services that systemd knows, or finds a file of."""
    text = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain")
    text += systemd.systemctl("list-units", "--type=service", "--all", "--no-legend", "--plain")
    names = {line.split()[0] for line in text.splitlines() if line.strip()}
    return systemd.show_many(sorted(each for each in names if not each.endswith("@.service")), _FACTS)


def program(unit: dict[str, str]) -> str:
    """The path of the nginx that a unit's ExecStart starts; empty where it starts something else."""
    argv = systemd.exec_argv(unit.get("ExecStart", ""))
    return argv[0] if argv and os.path.basename(argv[0]) in PROGRAMS else ""


def command(unit: dict[str, str]) -> list[str]:
    """How that nginx is asked: its program, and the options of its unit that say where its configuration is."""
    argv = systemd.exec_argv(unit.get("ExecStart", ""))
    places = [each for index, word in enumerate(argv[:-1]) if word in _PLACES for each in argv[index : index + 2]]
    path = program(unit)
    # The usual one is found by its name, as a person would ask it.
    return ["nginx" if not path or (os.path.basename(path) == "nginx" and is_usual(unit)) else path, *places]


def is_usual(unit: dict[str, str]) -> bool:
    """Whether it is nginx.service, or none at all."""
    return unit.get("Id", USUAL) == USUAL


def built_in_configuration(unit: dict[str, str]) -> str:
    """The configuration file that its program takes where nothing names one; empty where it does not say."""
    words = ["systemd-run", *ONCE, "--", program(unit), "-V"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode:
        return ""
    match = re.search(r"--conf-path=(\S+)", done.stderr)
    prefix = re.search(r"--prefix=(\S+)", done.stderr)
    given = match.group(1) if match else "conf/nginx.conf"
    return os.path.join(prefix.group(1) if prefix else "/usr/local/nginx", given)
