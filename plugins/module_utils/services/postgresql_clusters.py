# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clusters of PostgreSQL on a host of Debian's kind: which unit serves which port (pg_lsclusters(1))."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

SECONDS = 5.0
# Words of start.conf for a cluster that is not started with the others.
_BY_HAND = ("manual", "disabled")


@dataclass(frozen=True)
class Cluster:
    """A cluster of this host's: the unit that runs it, the port that it is configured for, and whether it runs."""

    unit: str
    port: int
    online: bool

    def start_word(self) -> str:
        """Of its start.conf: `auto`, `manual` for a person to start it, `disabled` for nobody; empty if not known."""
        match = re.fullmatch(r"postgresql@([^-]+)-(.+)\.service", self.unit)
        if match is None:
            return ""
        try:
            with open("/etc/postgresql/{}/{}/start.conf".format(*match.groups()), encoding="utf-8") as file:
                words = [line.split("#")[0].strip() for line in file]
        except (OSError, UnicodeDecodeError):
            return ""
        return next(filter(None, words), "auto")


def clusters() -> list[Cluster]:
    """The clusters that Debian's tools know; none where they are not here."""
    try:
        done = subprocess.run(
            ["pg_lsclusters", "--no-header"], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return parse(done.stdout)


def parse(text: str) -> list[Cluster]:
    """The same from what pg_lsclusters prints: version, cluster, port, status, owner and folders of each."""
    rows = [line.split() for line in text.splitlines()]
    return [
        Cluster(f"postgresql@{row[0]}-{row[1]}.service", int(row[2]), row[3].startswith("online"))
        for row in rows
        if len(row) > 3 and row[2].isdigit()
    ]


def ports() -> dict[str, int]:
    """The port that each cluster is configured for, by the unit that runs it; empty where nothing says so."""
    return {cluster.unit: cluster.port for cluster in clusters()}


def serving(port: int) -> str:
    """The unit of the one cluster, of several, that is configured for a port; empty where that distinguishes none.

    It may be one that systemd has not loaded, since nobody has asked for it.
    """
    known = ports()
    own = [unit for unit, configured in known.items() if configured == port]
    return own[0] if len(known) > 1 and len(own) == 1 else ""


def by_hand(port: int) -> dict[str, str]:
    """{unit, word} of the cluster for a port, where nothing but a person's hand is to start one there; else empty.

    word: of its start.conf (pg_createcluster(1)). Of several, as amid an upgrade, that is the one that may be started;
    where several may, who comes first, and `one of several`.
    """
    own = [(cluster.unit, cluster.start_word()) for cluster in clusters() if cluster.port == port]
    if not own or any(word not in _BY_HAND for _unit, word in own):
        return {}
    startable = [item for item in own if item[1] == "manual"] or own
    return {"unit": startable[0][0], "word": startable[0][1] if len(startable) == 1 else "one of several"}


def displaced(port: int) -> dict[str, str]:
    """{unit, by}: a cluster that is to run on a port, and does not, while another one runs on it; empty without.

    Two clusters may be configured for one port: the first to start has it, as after a boot.
    """
    own = [cluster for cluster in clusters() if cluster.port == port]
    holder = next((cluster.unit for cluster in own if cluster.online), "")
    down = [cluster.unit for cluster in own if not cluster.online and cluster.start_word() == "auto"]
    return {"unit": down[0], "by": holder} if holder and down else {}
