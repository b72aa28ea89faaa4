# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether nginx's own account gets a connection where somebody is seen to listen: a firewall may lie between them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

# A packet that is dropped is sent again after a second: three tell it from a slow moment.
CONNECT_SECONDS = 3.0
START_SECONDS = 2.0
RULES_SECONDS = 2.0
MOST_RULES = 5
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1", "": "127.0.0.1"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
except socket.timeout:
    print("timed out")
except OSError as error:
    print(error.strerror or error)
"""


def barred(bind: dict[str, Any], listeners: list[dict[str, Any]], account: str) -> str:
    """What the kernel says to an account that connects to a TCP address where somebody listens; empty where it may.

    Empty too where nobody is seen to listen, or where a full queue or a listener of IPv6 alone may be the reason.
    """
    if bind["kind"] != "tcp" or not account:
        return ""
    held = [item for item in sockets.matching(bind, listeners) if ":" not in item["host"] or ":" in bind["host"]]
    if not held or any(item["queued"] for item in held):
        return ""
    host = LOOPBACK.get(bind["host"], bind["host"])
    argv = [sys.executable, "-I", "-S", "-c", _CONNECT, host, str(bind["port"]), str(CONNECT_SECONDS)]
    try:
        done = commands.run_as(account, None, argv, {}, "/", CONNECT_SECONDS + START_SECONDS)
    except (KeyError, OSError):
        return ""
    said = done.stdout.strip()
    # Who listens may have ended meanwhile, which refuses connections too.
    return said if said and sockets.matching(bind, sockets.listeners()) else ""


def rules(port: int) -> list[str]:
    """Lines of the packet filter that drop or reject what goes to a port, as nft or iptables prints them."""
    return parse_rules(_printed(_nft) or _printed(_iptables), port)


def parse_rules(lines: list[str], port: int) -> list[str]:
    """Those of the printed lines that name the port and drop or reject, each once, at most MOST_RULES."""
    refusing = [line for line in lines if re.search(r"\b(?:drop|reject)\b", line, re.IGNORECASE)]
    found = [line.strip()[:200] for line in refusing if _is_for(line, port)]
    return list(dict.fromkeys(found))[:MOST_RULES]


def _is_for(line: str, port: int) -> bool:
    """Whether a rule is for packets to this port: `dport 80`, `--dport 80:90`, `dport { 80, 8000-8100 }`."""
    for places in re.findall(r"\bdports? (\{[^}]*\}|[\d,:-]+)", line):
        for first, last in re.findall(r"(\d+)(?:[:-](\d+))?", places):
            if int(first) <= port <= int(last or first):
                return True
    return False


def _nft() -> subprocess.CompletedProcess[str]:
    program = shutil.which("nft", path=PATH) or "nft"
    words = [program, "list", "ruleset"]
    return subprocess.run(words, capture_output=True, text=True, timeout=RULES_SECONDS, check=False)


def _iptables() -> subprocess.CompletedProcess[str]:
    program = shutil.which("iptables-save", path=PATH) or "iptables-save"
    return subprocess.run([program], capture_output=True, text=True, timeout=RULES_SECONDS, check=False)


def _printed(ask: Callable[[], subprocess.CompletedProcess[str]]) -> list[str]:
    try:
        return ask().stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return []
