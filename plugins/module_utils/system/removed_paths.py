# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What on this host takes a file below /run or /tmp away: a unit that stops (systemd.exec(5)), or tmpfiles.d(5)."""

from __future__ import annotations

import subprocess

from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, systemd

SECONDS = 4.0
MOST = 5
# Types of lines that remove: at boot, or what is older than an age.
_REMOVE = frozenset("rRD")
_AGED = frozenset("dDevqQ")


def removers(path: str) -> list[str]:
    """Who removes a path, or a folder above it, in words, at most MOST; empty where nobody is known to."""
    return [*_units(path), *rules(path, _tmpfiles())][:MOST]


def _units(path: str) -> list[str]:
    """Services whose RuntimeDirectory= is removed with them at each stop."""
    text = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain")
    names = [line.split()[0] for line in text.splitlines() if line.strip() and "@." not in line]
    shown = systemd.show_many(names, ["Id", "RuntimeDirectory", "RuntimeDirectoryPreserve"])
    found = []
    for unit in shown:
        own = [f"/run/{name.partition(':')[0]}" for name in unit.get("RuntimeDirectory", "").split()]
        if unit.get("RuntimeDirectoryPreserve") != "yes" and any(filesystems.is_below(path, folder) for folder in own):
            found.append(f"RuntimeDirectory={unit['RuntimeDirectory']} of {unit.get('Id', '')}")
    return sorted(set(found))


def rules(path: str, text: str) -> list[str]:
    """The lines of tmpfiles.d that remove a path. text: what `systemd-tmpfiles --cat-config` prints."""
    found, file = [], ""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("# /"):
            file = line[2:].strip()
        elif len(words) > 1 and not line.startswith("#") and filesystems.is_below(path, words[1]):
            aged = words[0][0] in _AGED and len(words) > 5 and words[5] != "-"
            # Lines with x and X keep a path.
            if words[0][0] in "xX":
                return []
            if words[0][0] in _REMOVE or aged:
                found.append(f"{file}: {' '.join(words)}")
    return found


def _tmpfiles() -> str:
    try:
        done = subprocess.run(
            ["systemd-tmpfiles", "--cat-config"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
