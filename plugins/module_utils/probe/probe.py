# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probe: the edge first; where all is well it stops there, else every collector looks, side by side."""

from __future__ import annotations

import datetime
import os
import platform
import re
import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline, changes
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    code,
    database,
    database_activity,
    database_startup,
    dependencies,
    edge,
    environment,
    files,
    host,
    idle_units,
    log,
    proxy,
    service,
    storage,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app import rehearsal
from ansible_collections.rescue502.django.plugins.module_utils.probe import concurrent, quick_check, settling
from ansible_collections.rescue502.django.plugins.module_utils.probe.concurrent import Section, Sections
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, sockets, unread

SCHEMA = 1
# A network file system whose server is gone keeps one waiting for ever.
GLANCE_SECONDS = 2.0
REHEARSAL_SECONDS = 9.0
_WEB_ADDRESS = re.compile(r"https?://[^/\s]+(/\S*)?$")


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
    own = app_secrets.of_app(stack.root, stack.cwd, stack.settings_module, stack.env_files)
    return Redactor(stack.environment, public, stack.credentials, [*own, *app_secrets.of_nginx(stack.nginx_files)])


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
    evidence.update(concurrent.collect({"edge": ask_edge, **_quick_sections(stack, given, listeners)}))
    if (settled := settling.settle(stack, evidence["edge"], ask_edge, given)) is not evidence["edge"]:
        evidence["edge"] = settled
        listeners = sockets.listeners()
        evidence.update(concurrent.collect(_quick_sections(stack, given, listeners)))
    since = service.started_at(stack.properties) or time.time()
    evidence["edge"]["recent_errors"] = edge.recent_errors(stack, max(since, time.time() - 300))
    database.settle(evidence, stack, listeners)
    storage_glance: Section = lambda: storage.collect(stack, evidence["database"], glance=True)  # noqa: E731
    evidence.update(concurrent.collect({"host": storage_glance}, GLANCE_SECONDS))
    evidence["deeper_because"] = quick_check.reasons_to_look_deeper(evidence)
    deeper = given["level"] == "full" or bool(evidence["deeper_because"])
    holding = given["hold_seconds"] and evidence["edge"].get("well")
    sections: Sections = {}
    if deeper:
        sections.update(_deep_sections(stack, listeners, dict(evidence)))
        sections.update(_database_sections(evidence["database"], listeners))
    if holding:
        sections["hold"] = lambda: settling.hold(stack, ask_edge, given["hold_seconds"])
    evidence.update(concurrent.collect(sections, concurrent.COLLECTOR_SECONDS + given["hold_seconds"]))
    if deeper:
        _use_settings(stack, evidence, listeners)
    elif given["remember"] and ("hold" not in evidence or evidence["hold"].get("well")):
        evidence["remembered"] = baseline.remember(stack, given["remember"], rehearsed=False)


def _quick_sections(stack: Stack, given: dict[str, Any], listeners: list[dict[str, Any]]) -> Sections:
    return {
        "service": lambda: service.collect(stack, listeners, given["health_json"]),
        "database": lambda: database.collect(stack, listeners),
        "environment": lambda: environment.collect(stack),
        "files": lambda: files.collect(stack, glance=True),
    }


def _deep_sections(stack: Stack, listeners: list[dict[str, Any]], quick: dict[str, Any]) -> Sections:
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
        if not accounts.may_become(stack.user, stack.group):
            return unread.only_root("the rehearsal of the app's start", f"become {stack.user}")
    except KeyError:
        pass  # the rehearsal says so itself
    if stack.environment_unread:
        return unread.Unread("the rehearsal of the app's start", f"{stack.environment_unread[0].what} was not read")
    return rehearsal.rehearse(stack, REHEARSAL_SECONDS, checks)


def _database_sections(base: dict[str, Any], listeners: list[dict[str, Any]]) -> Sections:
    """A server on this host is asked itself where it runs, and its last start where it does not."""
    if base.get("local") is not True:
        return {}
    names = [unit["name"] for unit in base["units"] if unit["load_state"] != "not-found"]
    sections: Sections = {"database_startup": lambda: database_startup.collect(names)}
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
    found = concurrent.collect(
        {
            "files": lambda: files.collect(stack, settings, settings_bar=settings_bar),
            "storage": lambda: storage.collect(stack, evidence["database"], settings),
            "names": lambda: {"names": host.needed_names(evidence["database"])},
            "idle": lambda: {"idle_units": idle_units.collect(stack.unit) if _was_refused(told) else []},
        }
    )
    evidence["files"] = found["files"]
    evidence["host"] = {**evidence["host"], **found["names"], **found["idle"], **found["storage"]}


def _was_refused(told: Any) -> bool:
    """Whether something but the database refused the app a connection: a service that is down may be why."""
    steps = told.get("steps", {}) if isinstance(told, dict) else {}
    well = (steps.get("database") or {}).get("ok") is True
    return well and any("refused" in str(step.get("error")) for step in steps.values())
