# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""File systems that this host is set up to have, and does not have now (fstab(5), systemd.mount(5))."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems, systemd


def above(folder: str, points: set[str] | None = None) -> str:
    """The mount point nearest above a folder, or the folder itself, that should be mounted and is not; else empty.

    points: of missing(), where they are known.
    """
    known = missing() if points is None else points
    found = [path for path in known if path != "/" and filesystems.is_below(folder, path)]
    return max(found, key=len, default="")


def missing() -> set[str]:
    """Mount points of /etc/fstab, and of mount units that have failed, at which nothing is mounted."""
    failed = systemd.show_many(["*.mount"], ["Where", "ActiveState"])
    wanted = {unit["Where"] for unit in failed if unit.get("Where") and unit.get("ActiveState") == "failed"}
    return (wanted | set(in_fstab(_fstab()))) - set(filesystems.mount_points())


def in_fstab(text: str) -> list[str]:
    """Mount points of an fstab that are mounted at each boot."""
    rows = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [row[1] for row in rows if len(row) > 3 and row[1].startswith("/") and "noauto" not in row[3].split(",")]


def _fstab() -> str:
    try:
        with open("/etc/fstab", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
