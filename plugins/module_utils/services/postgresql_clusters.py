# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clusters of PostgreSQL on a host of Debian's kind: which unit serves which port (pg_lsclusters(1))."""

from __future__ import annotations

import subprocess

SECONDS = 5.0


def ports() -> dict[str, int]:
    """The port that each cluster is configured for, by the unit that runs it; empty where nothing says so."""
    try:
        done = subprocess.run(
            ["pg_lsclusters", "--no-header"], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse(done.stdout)


def parse(text: str) -> dict[str, int]:
    """The same from what pg_lsclusters prints: version, cluster, port, status, owner and folders of each."""
    rows = [line.split() for line in text.splitlines()]
    return {f"postgresql@{row[0]}-{row[1]}.service": int(row[2]) for row in rows if len(row) > 3 and row[2].isdigit()}


def serving(port: int) -> str:
    """The unit of the one cluster, of several, that is configured for a port; empty where that distinguishes none.

    It may be one that systemd has not loaded, since nobody has asked for it.
    """
    known = ports()
    own = [unit for unit, configured in known.items() if configured == port]
    return own[0] if len(known) > 1 and len(own) == 1 else ""
