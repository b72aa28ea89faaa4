# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clusters of PostgreSQL on a host of Debian's kind: which unit serves which port (pg_lsclusters(1))."""

from __future__ import annotations

import re
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


def by_hand(port: int) -> dict[str, str]:
    """{unit, word} of the one cluster for a port that is not started by itself; empty of others, and of several.

    word: of its start.conf, `manual` for a person to start it, or `disabled` for nobody (pg_createcluster(1)).
    """
    own = [unit for unit, configured in ports().items() if configured == port]
    match = re.fullmatch(r"postgresql@([^-]+)-(.+)\.service", own[0]) if len(own) == 1 else None
    if match is None:
        return {}
    try:
        with open("/etc/postgresql/{}/{}/start.conf".format(*match.groups()), encoding="utf-8") as file:
            words = [line.split("#")[0].strip() for line in file]
    except (OSError, UnicodeDecodeError):
        return {}
    word = next(filter(None, words), "auto")
    return {"unit": own[0], "word": word} if word in ("manual", "disabled") else {}
