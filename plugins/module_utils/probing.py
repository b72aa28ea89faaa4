# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probe: the edge first; where all is well it stops there, else every collector looks, side by side."""

from __future__ import annotations

import datetime
import os
import platform
import re
import threading
import time
from typing import Any, Callable

from ansible_collections.rescue502.django.plugins.module_utils import (
    app_process,
    baseline,
    own_secrets,
    rehearsal,
    sockets,
    systemd,
    unread,
)
from ansible_collections.rescue502.django.plugins.module_utils.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    changes,
    code,
    database,
    database_activity,
    database_startup,
    dependencies,
    edge,
    environment,
    files,
    host,
    log,
    proxy,
    service,
    storage,
)
from ansible_collections.rescue502.django.plugins.module_utils.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.stack import Stack, discover

SCHEMA = 1
COLLECTOR_SECONDS = 10.0
# A network file system whose server is gone keeps one waiting for ever.
GLANCE_SECONDS = 2.0
REHEARSAL_SECONDS = 9.0
POLL_SECONDS = 0.25
# A process that is older than this has got past what ends one at its start.
YOUNG_SECONDS = 5.0
# An app that has given the same answers for so long, with nobody between it and the edge in trouble, has said its say.
STEADY_SECONDS = 5.0
GATEWAY_ERRORS = (502, 503, 504)
_WEB_ADDRESS = re.compile(r"https?://[^/\s]+(/\S*)?$")
Section = Callable[[], Any]


def probe(given: dict[str, Any]) -> dict[str, Any]:
    """Look at one app and return the evidence, redacted.

    given: the module's parameters. level `stack` only discovers, `auto` stops at a healthy edge, `full` never does.
    Raises StackError and systemd.SystemdError where there is nothing to look at; a collector never raises.
    """
    begun = time.monotonic()
    started = datetime.datetime.now(datetime.timezone.utc)
    stack = discover(given)
    evidence: dict[str, Any] = {"schema": SCHEMA, "stack": stack.public()}
    if given["level"] != "stack":
        require_edge(stack, given)
        _look(stack, given, evidence)
    level = "full" if "rehearsal" in evidence else given["level"]
    lacking = [*unread.take_out(evidence), *_denied_sections(evidence)]
    evidence["probe"] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - begun, 3),
        "level": level,
        "deeper_because": evidence.pop("deeper_because", []),
        "remembered": evidence.pop("remembered", ""),
        "python": platform.python_version(),
        "root": os.geteuid() == 0,
        "account": unread.account(),
        "unread": lacking,
    }
    return redacted(stack, evidence)


def _denied_sections(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Sections whose collector ended because this account may not look at something that it had not expected."""
    failed = {
        name: str(part["failed"]) for name, part in evidence.items() if isinstance(part, dict) and "failed" in part
    }
    denied = {name: why for name, why in failed.items() if why.startswith(PermissionError.__name__)}
    return [{"what": f"all that concerns: {name}", "why": why, "facts": [name]} for name, why in denied.items()]


def redacted(stack: Stack, evidence: dict[str, Any]) -> dict[str, Any]:
    """The evidence without the app's secrets; names that anyone may see stay whole."""
    cleaned: dict[str, Any] = redactor(stack).tree(evidence)
    return cleaned


def redactor(stack: Stack) -> Redactor:
    """What knows this app's secrets: those of its unit, of its own files, and of nginx's configuration."""
    names = [name for item in stack.all_locations for name in item["server_names"]]
    public = (stack.unit, stack.root, stack.venv, stack.user, stack.group, stack.cwd, stack.server.app, *names)
    own = own_secrets.of_app(stack.root, stack.cwd, stack.settings_module, stack.env_files)
    return Redactor(stack.environment, public, stack.credentials, [*own, *own_secrets.of_nginx(stack.nginx_files)])


def require_edge(stack: Stack, given: dict[str, Any]) -> None:
    """StackError where there is no edge to prove anything by: neither nginx nor checks, or one of no web address."""
    wanted = [("rescue502_edge", item["url"]) for item in given.get("edge") or []]
    wanted += [("rescue502_health_url", given["health_url"])] if given.get("health_url") else []
    for name, url in wanted:
        if not _WEB_ADDRESS.match(url):
            raise StackError(f"{name}: '{url}' is no address of http:// or https://. Nothing was changed.")
    if stack.nginx_unread and not stack.locations and not given.get("edge"):
        lacking = stack.nginx_unread[0]
        raise StackError(
            f"{lacking.what} cannot be read ({lacking.why}), so that it is not known what must answer: "
            "set rescue502_edge, or `become: true`. Nothing was changed."
        )
    if not stack.nginx_config and not given.get("edge"):
        raise StackError(
            "no nginx configuration on this host: set rescue502_edge to the addresses that must answer. "
            "Nothing was changed."
        )


def _look(stack: Stack, given: dict[str, Any], evidence: dict[str, Any]) -> None:
    listeners = sockets.listeners()
    ask_edge: Section = lambda: edge.collect(stack, given["edge"], given["cors_origin"], given["edge_timeout"])  # noqa: E731
    evidence.update(_side_by_side({"edge": ask_edge, **_quick_sections(stack, given, listeners)}))
    patient = given["patient"] or _waits_for_others(stack.properties)
    wait = (given["settle_seconds"], _is_down_for_good) if patient else (YOUNG_SECONDS, _is_past_its_start)
    if not evidence["edge"].get("well") and wait[0] and not wait[1](stack.properties):
        evidence["edge"] = _settled(stack, ask_edge, *wait, until_steady=given["until_steady"])
        listeners = sockets.listeners()
        evidence.update(_side_by_side(_quick_sections(stack, given, listeners)))
    since = service.started_at(stack.properties) or time.time()
    evidence["edge"]["recent_errors"] = edge.recent_errors(stack, max(since, time.time() - 300))
    database.settle(evidence, stack, listeners)
    storage_glance: Section = lambda: storage.collect(stack, evidence["database"], glance=True)  # noqa: E731
    evidence.update(_side_by_side({"host": storage_glance}, GLANCE_SECONDS))
    evidence["deeper_because"] = reasons_to_look_deeper(evidence)
    deeper = given["level"] == "full" or bool(evidence["deeper_because"])
    holding = given["hold_seconds"] and evidence["edge"].get("well")
    sections: dict[str, Section] = {}
    if deeper:
        sections.update(_deep_sections(stack, listeners, dict(evidence)))
        sections.update(_database_sections(evidence["database"], listeners))
    if holding:
        sections["hold"] = lambda: _hold(stack, ask_edge, given["hold_seconds"])
    evidence.update(_side_by_side(sections, COLLECTOR_SECONDS + given["hold_seconds"]))
    if deeper:
        _use_settings(stack, evidence, listeners)
    elif given["remember"] and ("hold" not in evidence or evidence["hold"].get("well")):
        evidence["remembered"] = baseline.remember(stack, given["remember"], rehearsed=False)


def _quick_sections(stack: Stack, given: dict[str, Any], listeners: list[dict[str, Any]]) -> dict[str, Section]:
    return {
        "service": lambda: service.collect(stack, listeners, given["health_json"]),
        "database": lambda: database.collect(stack, listeners),
        "environment": lambda: environment.collect(stack),
        "files": lambda: files.collect(stack, glance=True),
    }


def _deep_sections(stack: Stack, listeners: list[dict[str, Any]], quick: dict[str, Any]) -> dict[str, Section]:
    return {
        "rehearsal": lambda: _rehearsed(stack, quick["edge"].get("checks", [])),
        "code": lambda: code.collect(stack),
        "changes": lambda: changes.collect(stack),
        "dependencies": lambda: dependencies.collect(stack),
        "proxy": lambda: proxy.collect(stack, listeners, quick["edge"]),
        "log": lambda: log.collect(stack),
        "host": lambda: host.collect(stack, quick),
    }


def _rehearsed(stack: Stack, checks: list[dict[str, Any]]) -> Any:
    """The rehearsal, where this account may run it as the app's own user and with all its variables."""
    try:
        if not app_process.may_become(stack.user, stack.group):
            return unread.only_root("the rehearsal of the app's start", f"become {stack.user}")
    except KeyError:
        pass  # the rehearsal says so itself
    if stack.environment_unread:
        return unread.Unread("the rehearsal of the app's start", f"{stack.environment_unread[0].what} was not read")
    return rehearsal.rehearse(stack, REHEARSAL_SECONDS, checks)


def _database_sections(base: dict[str, Any], listeners: list[dict[str, Any]]) -> dict[str, Section]:
    """A server on this host is asked itself where it runs, and its last start where it does not."""
    if base.get("local") is not True:
        return {}
    names = [unit["name"] for unit in base["units"] if unit["load_state"] != "not-found"]
    sections: dict[str, Section] = {"database_startup": lambda: database_startup.collect(names)}
    if base["running"] or base["listening"]:
        sections["database_activity"] = lambda: database_activity.collect(listeners, base["port"])
    return sections


def _use_settings(stack: Stack, evidence: dict[str, Any], listeners: list[dict[str, Any]]) -> None:
    """What the rehearsal learnt of Django's settings sharpens what was first read without them."""
    told = evidence["rehearsal"]
    settings_bar = told.why if isinstance(told, unread.Unread) else ""
    step = ((told or {}).get("steps") or {}).get("settings") or {}
    settings = step if step.get("ok") else None
    if "error" not in evidence["database"] or "units" in evidence["database"]:
        database.settle(evidence, stack, listeners)
    if "database_activity" in evidence:
        base = evidence["database"]
        database_activity.settle(evidence["database_activity"], base.get("name", ""), base.get("user", ""))
    found = _side_by_side(
        {
            "files": lambda: files.collect(stack, settings, settings_bar=settings_bar),
            "storage": lambda: storage.collect(stack, evidence["database"], settings),
            "names": lambda: {"names": host.needed_names(evidence["database"])},
        }
    )
    evidence["files"] = found["files"]
    evidence["host"] = {**evidence["host"], **found["names"], **found["storage"]}


def _side_by_side(sections: dict[str, Section], seconds: float = COLLECTOR_SECONDS) -> dict[str, Any]:
    """Run collectors in threads. One that fails or takes longer than `seconds` says so in its own section."""
    results: dict[str, Any] = {name: {"failed": f"no answer within {seconds:g} s"} for name in sections}

    def run(name: str, collect: Section) -> None:
        try:
            results[name] = collect()
        except Exception as error:  # the boundary: a broken collector must break nothing else
            results[name] = {"failed": f"{type(error).__name__}: {error}"}

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in sections.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(results)


def reasons_to_look_deeper(evidence: dict[str, Any]) -> list[str]:
    """Why the quick look is not enough; empty on a healthy host. A section that failed is a reason too."""
    reasons = [
        f"{name} could not be read" for name, part in evidence.items() if isinstance(part, dict) and "failed" in part
    ]
    if reasons:
        return reasons
    unit, base = evidence["service"]["unit"], evidence["database"]
    checks = {
        "no edge checks are configured, so that an answer proves little": not evidence["edge"]["configured"],
        "the edge does not answer as it should": not evidence["edge"]["well"],
        "answers of 500 and more since the unit was started": bool(evidence["edge"]["recent_errors"]["count"]),
        "the unit is not running": (unit["active_state"], unit["sub_state"]) != ("active", "running"),
        "the unit file is newer than what systemd loaded": unit["needs_reload"],
        "the unit does not come back after a reboot": unit["file_state"] == "disabled" and not unit["triggered_by"],
        "nobody listens where the app should": evidence["service"]["listening"] is False,
        "the backend does not answer": evidence["service"]["backend"].get("well") is False,
        "the database cannot be reached": bool(base["door"]),
        "the database is not running": base["local"] is True and not (base["running"] and base["listening"]),
        "an environment file is missing or open to others": bool(
            evidence["environment"]["missing"] or evidence["environment"]["exposed"]
        ),
        "a certificate has expired": any(
            item and (item["days_left"] or 0) < 0 for item in evidence["edge"]["certificates"]
        ),
        "a file system is full, or cannot be written": any(
            evidence["host"][name] for name in ("full", "without_inodes", "read_only")
        ),
        "a host name is refused": 400 in evidence["edge"]["statuses"],
        "debug is on": evidence["environment"]["debug"],
        "files have wrong owners or modes": any(evidence["files"]["violations"].values()),
        "static files are missing": evidence["files"]["static_empty"],
    }
    return [reason for reason, found in checks.items() if found]


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


def _hold(stack: Stack, ask_edge: Section, seconds: float) -> dict[str, Any]:
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
