"""Break a lab host as a failure mode's file says, and see to it that the fault took."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from lab import reproductions
from lab.podman import LabError
from lab.reproductions import Reproduction

if TYPE_CHECKING:
    from lab.host import Host

# Until a fault shows at the edge; an app may run into its own time limits first.
FAULT_SECONDS = 30.0
POLL_SECONDS = 0.2
BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504
# A unit between two restarts counts as activating.
SETTLED = """
settling() { systemctl show -P ActiveState "$UNIT" | grep -qE '^(activating|deactivating|reloading)$'; }
export -f settling
timeout 30 bash -c 'while settling; do sleep 0.2; done'
"""
PRELUDE = Path(__file__).parent / "reproduce.sh"


def break_with(host: Host, fault: str, script: str | None) -> None:
    """Reproduce a failure mode, or run the script given, and wait until the host's unit has settled.

    LabError where the script fails, or where a failure mode's does not show as the mode's file says.
    """
    if script is not None:
        _reproduce(host, script)
        return
    mode = reproductions.load(fault)
    before = None if mode.shows_at_the_edge else host.snapshot()
    _reproduce(host, mode.script)
    if mode.shows_at_the_edge:
        _await_fault(host, mode)
    elif host.snapshot() == before:
        raise LabError(
            f"{fault} did not take on {host.name}: no file, row or unit differs "
            "(/run is not compared: write_drop_in /etc changes a unit so that it shows)"
        )


def prelude() -> str:
    """The functions that a reproduction may call, in bash."""
    return PRELUDE.read_text(encoding="utf-8")


def _reproduce(host: Host, script: str) -> None:
    host.run(prelude() + script)
    host.run(SETTLED, check=False)


def _await_fault(host: Host, mode: Reproduction) -> None:
    """Ask the edge until it shows the fault. LabError where it does not within some seconds."""
    deadline = time.monotonic() + FAULT_SECONDS
    seen: set[int] = set()
    while time.monotonic() < deadline:
        for path in host.shape.paths:
            status, _headers, body = host.ask(path)
            # A request that outlasts our patience is answered by nginx in the end.
            status = GATEWAY_TIMEOUT if not status and "timed out" in body else status
            # systemd's socket holds the request while the app is restarted, or its arbiter waits for dead workers.
            held = host.shape.activation and status == GATEWAY_TIMEOUT
            if mode.is_shown_by(status) or (held and mode.is_shown_by(BAD_GATEWAY)):
                return
            seen.add(status)
        time.sleep(POLL_SECONDS)
    raise LabError(f"{mode.id} did not take on {host.name}: the edge shows {sorted(seen)}, not {mode.edge}")
