"""Interruptions: a recovery that is struck in the middle of a remedy, and what the next run makes of it."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import FailureMode, load

from lab.matrix import suitable
from lab.site import Run, Site, differences, outside, settings_for, to_approve

# Seconds: until the remedy has begun, until the lock is released, and the longest time into a remedy that is struck.
PATIENCE = 180.0
RELEASE_SECONDS = 40.0
LATEST = 2.0
# Every process of the run on the host but the one that holds its lock.
MARKED = "grep -lz '^RESCUE502_INCIDENT=' /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3"
# Fails where there was nothing to strike within some seconds.
STRUCK = """
strike() {{ {0}
}}
for _try in $(seq 200); do strike && exit; sleep 0.05; done
echo nothing was struck >&2
exit 1
"""
SURVIVED, LOST, HARMED = "survived", "lost", "harmed"


@dataclass(frozen=True)
class Interruption:
    """A failure mode whose remedy is struck, in what way, and how many seconds after the remedy has begun."""

    mode: FailureMode
    kind: str
    after: float

    @property
    def id(self) -> str:
        """As pytest names the case."""
        return f"{self.mode.remedy}-{self.kind}"

    @property
    def shape(self) -> str:
        """The name of the first shape that suits the failure mode."""
        return suitable(self.mode)[0]


@dataclass(frozen=True)
class Verdict:
    """survived: the next run finished the job; lost: it did not; harmed: something else was changed or left."""

    word: str
    why: str = ""


def _kill_controller(_site: Site, run: Run) -> None:
    assert run.process.pid
    os.killpg(run.process.pid, signal.SIGKILL)


def _kill_connection(site: Site, _run: Run) -> None:
    site.host.run(STRUCK.format("pkill -KILL -f '^sshd: admin'"))


def _kill_python(site: Site, _run: Run) -> None:
    """The run's processes but the one that holds the lock; between two tasks there is none, so the next is taken."""
    one = f"""
    struck=1
    for pid in $({MARKED}); do
      read -r name < /proc/$pid/comm || continue
      [ "$name" = rescue502-lock ] || {{ kill -KILL "$pid" && struck=0; }}
    done 2> /dev/null
    return $struck"""
    site.host.run(STRUCK.format(one))


def _kill_all(site: Site, run: Run) -> None:
    """The controller and all that it began, the process that holds the lock too."""
    _kill_controller(site, run)
    site.host.run(STRUCK.format(f"kill -KILL $({MARKED})"))


def _cut_power(site: Site, _run: Run) -> None:
    site.host.lose_power()


KINDS: dict[str, Callable[[Site, Run], None]] = {
    "controller": _kill_controller,
    "connection": _kill_connection,
    "python": _kill_python,
    "everything": _kill_all,
    "power": _cut_power,
}


def every() -> list[Interruption]:
    """Each remedy, for the first failure mode that it repairs, struck in each way; the moments are drawn repeatably."""
    chosen: dict[str, FailureMode] = {}
    for mode in load().modes.values():
        if mode.remedy and mode.risk != "never" and not mode.symptom:
            chosen.setdefault(mode.remedy, mode)
    return [
        Interruption(mode, kind, round(random.Random(f"{remedy} {kind}").uniform(0, LATEST), 2))
        for remedy, mode in chosen.items()
        for kind in KINDS
    ]


def strike(site: Site, interruption: Interruption) -> Verdict:
    """Break the host, strike the recovery, let the next one finish, and judge."""
    mode = interruption.mode
    site.extra = settings_for(mode.id, site.shape)
    approvals = to_approve(mode)
    healthy = site.host.snapshot()
    site.host.break_with(mode.id)
    by_fault = differences(healthy, site.host.snapshot())
    run = site.begin("recover", rescue502_approve=approvals)
    _wait_for(run, mode.remedy)
    time.sleep(interruption.after)
    assert run.process.poll() is None, f"the run ended before it was struck: {run.output()[-1500:]}"
    KINDS[interruption.kind](site, run)
    ended, _incident, _output = site.finish(run)
    assert ended == -signal.SIGKILL or interruption.kind not in ("controller", "everything"), f"it ended with {ended}"
    code, incident, output = site.play("recover", rescue502_approve=approvals)
    if code or incident.get("outcome") not in ("healthy", "recovered"):
        return Verdict(LOST, f"{incident.get('outcome')}: {incident.get('message', output[-500:])}")
    return _judge(site, mode, healthy, by_fault)


def _judge(site: Site, mode: FailureMode, healthy: dict[str, Any], by_fault: set[str]) -> Verdict:
    status, headers, _body = site.host.ask(site.shape.api_path)
    if status != 200 or headers.get("access-control-allow-origin") != site.shape.origin:
        return Verdict(LOST, f"the edge answers {status}")
    if not lock_is_released(site):
        return Verdict(LOST, "the lock stays")
    changed = differences(healthy, site.host.snapshot()) - by_fault
    strange = outside(changed, [mode.remedy, *mode.then], site.shape)
    if strange:
        return Verdict(HARMED, ", ".join(sorted(strange)[:5]))
    return Verdict(SURVIVED)


def lock_is_released(site: Site, seconds: float = RELEASE_SECONDS) -> bool:
    """Whether nobody holds the host's lock, or lets it go within so many seconds."""
    script = f"[ ! -e /run/rescue502/lock ] || flock --timeout {seconds:g} /run/rescue502/lock true"
    return site.host.run(script, check=False).returncode == 0


def _wait_for(run: Run, remedy: str) -> None:
    """Until the remedy's own tasks run; AssertionError where the run ends before that."""
    role = remedy if "." in remedy else f"rescue502.django.{remedy}"
    begun = re.compile(rf"^TASK \[{re.escape(role)} : (?!Validating arguments)", re.MULTILINE)
    deadline = time.monotonic() + PATIENCE
    while not begun.search(run.output()):
        assert run.process.poll() is None, f"the run ended before {remedy} began: {run.output()[-1500:]}"
        assert time.monotonic() < deadline, f"{remedy} did not begin within {PATIENCE:g} s"
        time.sleep(0.05)
