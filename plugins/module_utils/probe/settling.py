# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is worth waiting for at the edge: an app that is coming up, and a repaired one that must keep answering."""

from __future__ import annotations

import time
from typing import Any, Callable

from ansible_collections.rescue502.django.plugins.module_utils.collectors import service
from ansible_collections.rescue502.django.plugins.module_utils.probe.concurrent import Section
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

POLL_SECONDS = 0.25
# A process that is older than this has got past what ends one at its start.
YOUNG_SECONDS = 5.0
# An app that has given the same answers for so long, with nobody between it and the edge in trouble, has said its say.
STEADY_SECONDS = 5.0
GATEWAY_ERRORS = (502, 503, 504)


def settle(stack: Stack, edge: dict[str, Any], ask_edge: Section, given: dict[str, Any]) -> dict[str, Any]:
    """What the edge answers once that is worth something; `edge` itself where waiting would change nothing.

    given: patient, settle_seconds and until_steady of the module's parameters. Reads the unit's properties anew.
    """
    patient = given["patient"] or _waits_for_others(stack.properties)
    seconds, is_over = (given["settle_seconds"], _is_down_for_good) if patient else (YOUNG_SECONDS, _is_past_its_start)
    if edge.get("well") or not seconds or is_over(stack.properties):
        return edge
    return _settled(stack, ask_edge, seconds, is_over, until_steady=given["until_steady"])


def hold(stack: Stack, ask_edge: Section, seconds: float) -> dict[str, Any]:
    """Ask all checks again and again for `seconds`; any failure, or a restart of the unit, breaks the hold."""
    begun, rounds = time.monotonic(), 0
    identity = _unit_identity(stack.unit)
    while time.monotonic() - begun < seconds:
        time.sleep(min(1.0, seconds / 5))
        answer = ask_edge()
        rounds += 1
        bad = [f"{item['name']}: {item['problem']}" for item in answer["checks"] if not item["well"]]
        if bad:
            return {"well": False, "seconds": round(time.monotonic() - begun, 1), "broken_by": bad[0], "rounds": rounds}
        if _unit_identity(stack.unit) != identity:
            broken = f"{stack.unit} was restarted in between"
            return {"well": False, "seconds": round(time.monotonic() - begun, 1), "broken_by": broken, "rounds": rounds}
    return {"well": True, "seconds": round(time.monotonic() - begun, 1), "broken_by": "", "rounds": rounds}


def _unit_identity(unit: str) -> tuple[str, ...]:
    shown = systemd.show(unit)
    return tuple(shown.get(name, "") for name in ("InvocationID", "NRestarts", "MainPID", "ActiveState"))


def _waits_for_others(properties: dict[str, str]) -> bool:
    """Whether the unit is about to be started, as while the host boots: nothing is wrong with it yet."""
    return properties.get("ActiveState") == "inactive" and bool(properties.get("Job"))


def _is_down_for_good(properties: dict[str, str]) -> bool:
    """Whether nothing but a person, or a request to its socket, will start the unit again."""
    state = properties.get("ActiveState")
    return state == "failed" or (state == "inactive" and not (properties.get("Job") or properties.get("TriggeredBy")))


def _is_past_its_start(properties: dict[str, str]) -> bool:
    """Whether the unit is down, or has run too long for a crash loop, which looks well between two crashes."""
    running = properties.get("ActiveState") in ("active", "activating") and properties.get("SubState") != "auto-restart"
    return not running or time.time() - service.started_at(properties) >= YOUNG_SECONDS


def _settled(
    stack: Stack, ask_edge: Section, seconds: float, is_over: Callable[[dict[str, str]], bool], *, until_steady: bool
) -> dict[str, Any]:
    """Ask until the edge is well, the unit's state says that it is over, or `seconds` have passed.

    until_steady: or until the app itself, no proxy in its place, gives the same wrong answers for STEADY_SECONDS.
    """
    begun = since = time.monotonic()
    said: list[int] = []
    while True:
        answer: dict[str, Any] = ask_edge()
        stack.properties = systemd.show(stack.unit)
        now = time.monotonic()
        if (statuses := [check["status"] for check in answer["checks"]]) != said:
            said, since = statuses, now
        steady = until_steady and now - since >= STEADY_SECONDS and _is_the_apps(said)
        if answer["well"] or steady or is_over(stack.properties) or now > begun + seconds:
            return answer
        time.sleep(POLL_SECONDS)


def _is_the_apps(statuses: list[int]) -> bool:
    """Whether the app spoke on every check: there was an answer, and none of a proxy that did not reach it."""
    return bool(statuses) and all(status and status not in GATEWAY_ERRORS for status in statuses)
