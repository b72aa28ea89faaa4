# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's lock for a run: nobody else is at work there, and nothing is done whose budget is exhausted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import OtherAtWork
from ansible_collections.rescue502.django.plugins.plugin_utils.report import awx_job
from ansible_collections.rescue502.django.plugins.plugin_utils.run import controller, verdict
from ansible_collections.rescue502.django.plugins.plugin_utils.run.settings import Settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean

# A wait that is shorter than this was for nobody's work.
NO_WAIT_SECONDS = 0.1
MOST_OTHERS = 10


class LockError(Exception):
    """The host's lock could not be taken; the text says why. Nothing was changed."""


@dataclass(frozen=True)
class HostLock:
    """The result of taking the lock.

    exhausted: remedies that were tried as often as may be, and how often. others: who else is at work on the app.
    """

    held: bool
    waited: bool
    locked_by: str
    exhausted: dict[str, int]
    others: list[OtherAtWork]


def take(target: Target, given: Settings, app: dict[str, str], plan: list[dict[str, Any]]) -> HostLock:
    """Take the host's lock for this run, and wait for others at work on the app.

    app: its unit, root, venv and database, each empty where it is not known. plan: the remedies that are about to be
    applied. Where a dead run of this very controller has the lock, what that one began is waited for, and its lock is
    taken over. Raises LockError.
    """
    arguments = {
        **_run(given, app.get("unit", "")),
        **{name: app.get(name, "") for name in ("root", "venv", "database")},
        "starts": sorted({item for action in plan for item in remedies.get(action["remedy"]).starts}),
        "others_patience": given.others_patience,
        "maintenance": given.maintenance,
        "state": "held",
        "controller": {**controller.this_run(), "awx": given.awx},
        "remedies": [{"remedy": action["remedy"], "causes": action["for"]} for action in plan],
        "budget": given.budget,
        "window": given.budget_window,
    }
    answer = _ask(target, arguments)
    holder = answer["holder"]
    if not answer["held"] and controller.is_gone(_controller(holder)):
        answer = _ask(target, {**arguments, "abandoned": str(holder.get("incident", ""))})
    held, waited = answer["held"] is True, answer.get("waited")
    return HostLock(
        held=held,
        waited=isinstance(waited, (int, float)) and waited >= NO_WAIT_SECONDS,
        locked_by="" if held else pause_words(answer.get("paused")) or holder_words(answer["holder"]),
        exhausted=_exhausted(answer["exhausted"], [action["remedy"] for action in plan]),
        others=_others(answer.get("others")),
    )


def is_locked(target: Target, given: Settings, unit: str) -> bool:
    """Whether somebody else has the host, so that what is seen of it may be their work. Takes nothing.

    Raises LockError.
    """
    answer = _ask(target, {**_run(given, unit), "state": "seen", "maintenance": given.maintenance})
    return bool(answer["holder"] or answer.get("paused"))


def release(target: Target, given: Settings, unit: str, facts: dict[str, Any]) -> None:
    """Release the host's lock, and have it remember what was done. On a host that is gone the lock ends by itself."""
    target.run("claim", {**_run(given, unit), "state": "released", "facts": facts}, "held")


def _run(given: Settings, unit: str) -> dict[str, Any]:
    return {"incident": given.incident, "host": given.scope.host, "unit": unit}


def _ask(target: Target, arguments: dict[str, Any]) -> dict[str, Any]:
    answer = target.run("claim", arguments, "held")
    if not isinstance(answer.get("holder"), dict) or not isinstance(answer.get("exhausted"), list):
        raise LockError(f"the host's lock could not be taken for this run: {complaint(answer, 'claim')}")
    return answer


def _exhausted(counted: list[Any], planned: list[str]) -> dict[str, int]:
    """Which of the planned remedies the host counts as tried too often; it may answer anything."""
    items = [item for item in counted if isinstance(item, dict) and isinstance(item.get("times"), int)]
    return {str(item["remedy"]): item["times"] for item in items if item.get("remedy") in planned}


def _others(answered: Any) -> list[OtherAtWork]:
    """Who else is at work, as the record keeps it; a host may answer anything."""
    items = [item for item in answered[:MOST_OTHERS] if isinstance(item, dict)] if isinstance(answered, list) else []
    return [
        {
            "what": str(item.get("what", "")),
            "pid": item["pid"] if isinstance(item.get("pid"), int) else 0,
            "account": str(item.get("account", "")),
            "since": _time(item.get("since")),
            "where": str(item.get("where", "")),
        }
        for item in items
    ]


def _time(seconds: Any) -> str:
    """Seconds since the epoch in ISO 8601, UTC."""
    try:
        return datetime.fromtimestamp(float(seconds), timezone.utc).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return "an unknown time"


def _controller(holder: dict[str, Any]) -> dict[str, Any]:
    """Where a run is steered from; a host may answer anything."""
    where = holder.get("controller")
    return where if isinstance(where, dict) else {}


def pause_words(paused: Any) -> str:
    """A pause or a maintenance window, in words; empty where there is none."""
    if not isinstance(paused, dict) or not paused:
        return ""
    reason = f": {paused['reason']}" if paused.get("reason") else ""
    return f"{verdict.PAUSED} until {_time(paused.get('until'))} by {paused.get('by') or 'root'}{reason}"


def holder_words(holder: dict[str, Any]) -> str:
    """Another run, or a lease, in words."""
    since = _time(holder.get("since"))
    if "lease" in holder:
        process = f"process {holder.get('pid')}, of {holder.get('account')}, since {since}"
        return f"{verdict.LEASED} to {holder['lease']} ({process})"
    where = _controller(holder)
    job = where.get("awx")
    known = {str(name): clean(str(value), 200) for name, value in job.items()} if isinstance(job, dict) else {}
    which = f" ({awx_job.words(known)})" if known.get("job") else ""
    return f"run {holder.get('incident', '?')}{which} from {where.get('name') or 'another controller'}, since {since}"
