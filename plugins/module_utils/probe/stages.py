# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stages of a look: quick, deep, and what Django's settings change of both; each collects side by side."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.baseline import changes
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    answers,
    code,
    database,
    database_activity,
    database_certificate,
    database_for_app,
    database_mysql,
    database_pooler,
    database_startup,
    denied_paths,
    dependencies,
    edge,
    environment,
    files,
    host,
    idle_units,
    kept_apps,
    linked_files,
    log,
    proxy,
    service,
    storage,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    form_origins,
    own_view,
    rehearsal,
    repeated_requests,
    returned_cookies,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import unit_view
from ansible_collections.rescue502.django.plugins.module_utils.probe import (
    concurrent,
    quick_check,
    rehearsal_facts,
    settling,
    started_aside,
    trials,
)
from ansible_collections.rescue502.django.plugins.module_utils.probe.concurrent import Section, Sections
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, processor_time, sockets, unread

# Of the glance at files and storage: a network file system whose server is gone never answers.
GLANCE_SECONDS = 2.0
REHEARSAL_SECONDS = 9.0


def look(stack: Stack, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The sections of the evidence, and why it was looked deeper than quickly.

    They are collected in stages: quick, deep, and what Django's settings change of both. A stage's facts are not
    changed afterwards; where a later stage has the same section, its own takes the place.
    """
    ask_edge: Section = lambda: edge.collect(stack, given["edge"], given["cors_origin"], given["edge_timeout"])  # noqa: E731
    quick, listeners = _quick(stack, given, ask_edge)
    because = quick_check.reasons_to_look_deeper(quick)
    deeper = given["level"] == "full" or bool(because)
    wrong = edge.wrong(stack, given["edge"], quick["edge"])
    # Where a request is late, it tells work from waiting.
    busy = processor_time.busy(stack.unit) if any(repeated_requests.is_late(shown) for _wanted, shown in wrong) else []
    sections: Sections = {}
    if deeper:
        sections = {**_deep_sections(stack, listeners, quick, wrong, busy), **_database_sections(quick, listeners)}
        if wrong:
            sections["shadow_start"] = lambda: started_aside.collect(stack, given, quick, wrong)
    if given["hold_seconds"] and quick["edge"].get("well"):
        sections["hold"] = lambda: settling.hold(stack, ask_edge, given["hold_seconds"])
    found = {**quick, **concurrent.collect(sections, concurrent.COLLECTOR_SECONDS + given["hold_seconds"])}
    if deeper:
        pages = repeated_requests.pages(wrong, quick["edge"].get("origin", ""), _listening(stack, quick))
        found = {**found, **_with_settings(stack, given, found, listeners, pages, bool(wrong))}
    return found, because


def look_at_edge(stack: Stack, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The sections of a look at an app that no unit of systemd's runs: the edge, and what starts the app."""
    quick = concurrent.collect(
        {
            "edge": lambda: edge.collect(stack, given["edge"], given["cors_origin"], given["edge_timeout"]),
            "other_managers": lambda: {"apps": stack.other_managers},
        }
    )
    quick["edge"] = {**quick["edge"], "recent_errors": edge.recent_errors(stack, time.time() - 300)}
    wrong = edge.wrong(stack, given["edge"], quick["edge"])
    deep: Sections = {}
    if wrong:
        deep["proxy"] = lambda: proxy.collect(stack, sockets.listeners(), quick["edge"], wrong, False)
        deep["other_managers"] = lambda: {"apps": kept_apps.collect(stack, given["edge_timeout"])}
    return {**quick, **concurrent.collect(deep)}, []


def _quick(stack: Stack, given: dict[str, Any], ask_edge: Section) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The sections of every look, and who listens on this host; all of it anew where the edge had to settle first."""
    listeners = sockets.listeners()
    found = concurrent.collect({"edge": ask_edge, **_quick_sections(stack, given, listeners)})
    if (settled := settling.settle(stack, found["edge"], ask_edge, given)) is not found["edge"]:
        listeners = sockets.listeners()
        found = {"edge": settled, **concurrent.collect(_quick_sections(stack, given, listeners))}
    since = service.started_at(stack.properties) or time.time()
    errors = edge.recent_errors(stack, max(since, time.time() - 300))
    base = database.settled(found["database"], stack, listeners)
    found = {**found, "edge": {**found["edge"], "recent_errors": errors}, "database": base}
    if given["level"] == "full" or quick_check.reasons_to_look_deeper(found):
        return found, listeners
    # Only where they can still decide whether to look deeper: a deep look takes both in whole.
    glance: Sections = {
        "files": lambda: files.collect(stack, glance=True),
        "host": lambda: storage.collect(stack, base, glance=True),
    }
    return {**found, **concurrent.collect(glance, GLANCE_SECONDS)}, listeners


def _quick_sections(stack: Stack, given: dict[str, Any], listeners: list[dict[str, Any]]) -> Sections:
    return {
        "service": lambda: service.collect(stack, listeners, given["health_json"]),
        "database": lambda: database.collect(stack, listeners),
        "environment": lambda: environment.collect(stack),
    }


def _deep_sections(
    stack: Stack,
    listeners: list[dict[str, Any]],
    quick: dict[str, Any],
    wrong: answers.Wrong,
    busy: list[dict[str, Any]],
) -> Sections:
    listening = _listening(stack, quick)
    origin = quick["edge"].get("origin", "")
    pages = repeated_requests.of_first_rehearsal(wrong, origin, listening, any(item["ours"] for item in busy))
    return {
        "rehearsal": lambda: _rehearsed(stack, pages, bool(wrong), quick["edge"]),
        "code": lambda: code.collect(stack),
        "changes": lambda: changes.collect(stack),
        "dependencies": lambda: dependencies.collect(stack),
        "proxy": lambda: proxy.collect(stack, listeners, quick["edge"], wrong, bool(listening)),
        "log": lambda: log.collect(stack),
        "host": lambda: host.collect(stack, quick, busy),
    }


def _listening(stack: Stack, quick: dict[str, Any]) -> str:
    """The app server that listens; empty where none does."""
    return (stack.server.server or "another") if quick["service"].get("listening") is True else ""


def _rehearsed(stack: Stack, pages: list[repeated_requests.Page], unwell: bool, asked: dict[str, Any]) -> Any:
    """The rehearsal, where this account may run it as the app's own user and with all its variables."""
    try:
        if not accounts.may_become(stack.user, stack.group):
            return unread.only_root("the rehearsal of the app's start", f"become {stack.user}")
        if why := rehearsal.refusal(stack):
            return unread.Unread("the rehearsal of the app's start", why)
    except KeyError:
        pass  # the rehearsal says so itself
    if own_view.is_out_of_reach(stack):
        return unread.Unread("the rehearsal of the app's start", unit_view.bar(stack.unit))
    if stack.environment_unread:
        return unread.Unread("the rehearsal of the app's start", f"{stack.environment_unread[0].what} was not read")
    origins, visitors = form_origins.collect(stack, asked), returned_cookies.visitors(stack, asked)
    hosts = sorted({check["host"] for check in asked.get("checks", []) if check.get("host")})
    seconds = REHEARSAL_SECONDS
    return rehearsal.rehearse(stack, seconds, pages, unwell=unwell, origins=origins, visitors=visitors, hosts=hosts)


def _database_sections(quick: dict[str, Any], listeners: list[dict[str, Any]]) -> Sections:
    """A server on this host is asked itself where it runs, and its last start where it does not."""
    base = quick["database"]
    if base.get("local") is not True:
        return {}
    names = [unit["name"] for unit in base["units"] if unit["load_state"] != "not-found"]
    sections: Sections = {"database_startup": lambda: database_startup.collect(names, base["port"])}
    if base["running"] or base["listening"]:
        sections["database_activity"] = lambda: database_activity.collect(listeners, base["port"])
    return sections


def _with_settings(
    stack: Stack,
    given: dict[str, Any],
    found: dict[str, Any],
    listeners: list[dict[str, Any]],
    pages: list[repeated_requests.Page],
    unwell: bool,
) -> dict[str, Any]:
    """The sections that what the rehearsal learnt of Django's settings sharpens. found: those of the stages before.

    unwell: whether a check was not answered as wanted.
    """
    rehearsed = found["rehearsal"]
    settings_bar = rehearsed.why if isinstance(rehearsed, unread.Unread) else ""
    step = ((rehearsed or {}).get("steps") or {}).get("settings") or {}
    settings = step if step.get("ok") else None
    base = database.settled(found["database"], stack, listeners, rehearsed)
    # Whether something may be started as the app's unit would be.
    asks_unit = unwell and given["shadow_start"]
    refused = rehearsal_facts.was_refused(rehearsed)
    sections: Sections = {
        "files": lambda: files.collect(stack, settings, settings_bar=settings_bar),
        "storage": lambda: storage.collect(stack, base, settings, rehearsal_facts.linked(rehearsed)),
        "names": lambda: {"names": host.needed_names(stack, base, rehearsal_facts.unreached(rehearsed), asks_unit)},
        "idle": lambda: {"idle_units": idle_units.collect(stack.unit) if refused else []},
    }
    name, user, git = base.get("name", ""), base.get("user", ""), found["code"].get("git")
    sections["pooler"] = lambda: database_pooler.collect(base.get("port", 0), name, user, listeners)
    sections["certificate"] = lambda: {
        "certificate": database_certificate.collect(base, found.get("database_activity"))
    }
    sections["mysql"] = lambda: {"mysql": database_mysql.collect(base, rehearsed)}
    sections["denied"] = lambda: {"denied": denied_paths.collect(stack, rehearsed)}
    sections["linked"] = lambda: {"linked": linked_files.collect(stack, found["edge"], given["edge"], rehearsed)}
    sections["trials"] = lambda: trials.collect(stack, rehearsed, git, pages, asks_unit)
    later = concurrent.collect(sections, concurrent.COLLECTOR_SECONDS + trials.SECONDS)
    sharpened = {
        "service": service.settled(found["service"], stack, listeners, rehearsed),
        "database": {**base, **_if_found(later, "certificate"), **_if_found(later, "mysql")},
        "dependencies": dependencies.settled(found["dependencies"], stack, rehearsed),
        "files": {**later["files"], **_if_found(later, "denied"), **_if_found(later, "linked")},
        "host": {**found["host"], **later["names"], **later["idle"], **later["storage"]},
    }
    if base.get("used") and database.is_local(base["host"]):
        sharpened["database_pooler"] = later["pooler"]
    sharpened.update({"trials": later["trials"]} if later["trials"] else {})
    if "database_activity" in found:
        sharpened["database_activity"] = database_for_app.settled(found["database_activity"], name, user)
    return sharpened


def _if_found(later: dict[str, Any], name: str) -> dict[str, Any]:
    """What the section of that name has found, by that name; empty where it has found nothing."""
    return {name: found} if (found := later[name].get(name)) else {}
