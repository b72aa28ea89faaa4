"""Processes that somebody holds on purpose: a backup has frozen them, or a person looks at them. They look hung."""

from __future__ import annotations

import pytest
from tiers import each_change

from lab.site import Site, differences, named

TRACER = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for pid in map(int, sys.argv[1:]):
    if libc.ptrace(16, pid, None, None):
        sys.exit(os.strerror(ctypes.get_errno()))
time.sleep(600)
"""
# How they are held, and how they are let go.
HOLDS = {
    "frozen": ('systemctl freeze "$UNIT"', 'systemctl thaw "$UNIT"'),
    "stopped": ('systemctl kill --signal=STOP "$UNIT"', 'systemctl kill --signal=CONT "$UNIT"'),
    "traced": (
        f"cat > /tmp/tracer.py <<'END'\n{TRACER}END\n"
        "systemd-run -q --unit=tracer python3 /tmp/tracer.py $(cat /sys/fs/cgroup/system.slice/$UNIT/cgroup.procs)\n"
        "until_true \"grep -q 'State:.t' /proc/$(systemctl show -P MainPID $UNIT)/status\"",
        'systemctl stop tracer; systemctl kill --signal=CONT "$UNIT"',
    ),
}


@pytest.mark.parametrize("how", each_change("frozen", of=HOLDS))
def test_they_are_not_restarted(site: Site, how: str) -> None:
    """It is said how they are held, and a person decides; let go, they serve as before."""
    hold, let_go = HOLDS[how]
    running = site.host.run("systemctl show -P InvocationID $UNIT").stdout
    site.host.break_with("", hold)
    before = site.host.snapshot()
    assert site.host.ask(site.shape.api_path)[0] != 200
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-approval", []), output
    assert named(incident) == ["service/held"], output
    assert f"is {how}" in incident["root_causes"][0]["because"]
    assert differences(before, site.host.snapshot()) == set()
    site.host.run(let_go)
    assert site.host.ask(site.shape.api_path)[0] == 200
    assert site.host.run("systemctl show -P InvocationID $UNIT").stdout == running
