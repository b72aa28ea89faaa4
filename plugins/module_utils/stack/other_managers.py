# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""App servers of this host that something else than a unit of systemd's starts: which, what, and their state.

What runs is asked of the kernel; what does not run is asked of the manager itself (stopped_apps.py). All of it is
information: nothing is done to an app on its word.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    containers,
    gunicorn_config,
    supervisor,
    uwsgi_emperor,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import stopped_apps
from ansible_collections.rescue502.django.plugins.module_utils.stack.stopped_apps import App, lingers, shortened
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, ancestry, processes, sockets

MOST = 10
# Processes that keep nothing: what started one is gone.
UNKEPT = ("by-hand", "cron", "unit")
# What holds an address for others: for a container, for a socket unit, for the visitors.
NO_APPS = ("docker-proxy", "conmon", "rootlessport", "systemd", "nginx", "haproxy")


def find(dialled: Iterable[str] = ()) -> list[App]:
    """Each app that is found, at most MOST, as other_managers.yml of the evidence describes it.

    dialled: addresses that nginx sends requests to; what holds or publishes one of them is the app's, whatever it is
    called.
    """
    boxes, asked = containers.find(), [gunicorn_config.parse_bind(address) for address in dialled]
    running = _running(boxes, asked)
    known = {(app["manager"], app["name"]) for app in running}
    down = [app for app in stopped_apps.find(boxes, asked) if (app["manager"], app["name"]) not in known]
    return [*running, *down][:MOST]


def places(app: App) -> list[dict[str, Any]]:
    """Where an app listens, or is to listen."""
    return [gunicorn_config.parse_bind(text if ":" in text else f"unix:{text}") for text in app["binds"]]


def _running(boxes: list[containers.Container], asked: list[dict[str, Any]]) -> list[App]:
    """The main process of each app server that runs outside of a unit of systemd's, and of what nginx asks here."""
    table = {pid: processes.command_words(pid) for pid in processes.pids()}
    servers = {pid: words for pid, words in table.items() if _is_app(words)}
    listening = sockets.listeners() if servers or asked else []
    holders = {item["pid"] for bind in asked for item in sockets.matching(bind, listening)}
    servers.update({pid: table[pid] for pid in holders & table.keys() if processes.program(pid) not in NO_APPS})
    mains = [pid for pid in servers if processes.parent(pid) not in servers]
    return [_described(pid, servers, listening, boxes) for pid in mains]


def _is_app(words: list[str]) -> bool:
    return stopped_apps.is_server(words) and not uwsgi_emperor.is_emperor(words)


def _described(
    pid: int, servers: dict[int, list[str]], listening: list[dict[str, Any]], boxes: list[containers.Container]
) -> App:
    group = ancestry.control_group(pid)
    manager, manager_pid = ancestry.supervisor(pid)
    emperor = next((above for above in ancestry.above(pid) if uwsgi_emperor.is_emperor(_words(above))), 0)
    uid, user_unit = ancestry.user_unit(group)
    engine, digest = ancestry.container(group)
    own = {pid, *(child for child in servers if pid in ancestry.above(child))}
    held = [item["path"] or f"{item['host']}:{item['port']}" for item in listening if item["pid"] in own]
    app: App = {
        "manager": manager, "name": "", "state": "RUNNING", "pid": pid, "user": _owner(pid),
        "words": shortened(servers[pid]), "folder": processes.folder(pid), "config": "", "binds": sorted(set(held)),
        "lingers": False, "unit": "", "account": "", "publishes": [], "inside": [], "unreached": "",
        "kept": True,
    }  # fmt: skip
    if engine:
        return {**app, **_in_container(pid, engine, digest, boxes, app["binds"])}
    if emperor:
        name = uwsgi_emperor.vassal_of(servers[pid])
        files = uwsgi_emperor.vassals(uwsgi_emperor.watched(_words(emperor)))
        config = next((path for path in files if os.path.basename(path) == name), "")
        more = {"manager": "uwsgi-emperor", "name": name, "config": config, "unit": processes.unit_of(emperor)}
        return {**app, **more}
    if manager == "supervisor":
        # supervisord gives each of its programs its name (supervisord.org, Subprocess Environment).
        name = processes.variable(pid, "SUPERVISOR_PROCESS_NAME")
        return {**app, "name": name, "config": supervisor.configuration(_words(manager_pid))}
    if own_manager := ancestry.supervisor_of(servers[pid]):
        return {**app, "manager": own_manager}
    if user_unit:
        user = accounts.user_name(uid)
        return {**app, "manager": "systemd-user", "name": user_unit, "user": user, "lingers": lingers(user)}
    if manager:
        return app
    unit = processes.unit_of(pid)
    manager = "by-hand" if ancestry.is_in_session(group) or not unit else "unit"
    return {**app, "manager": manager, "name": unit}


def _in_container(
    pid: int, engine: str, digest: str, boxes: list[containers.Container], held: list[str]
) -> dict[str, Any]:
    """What is known of an app in a container, besides its process: its record's words, else those of its monitor."""
    box = next((item for item in boxes if item["id"] == digest), None)
    monitor = next((above for above in ancestry.above(pid) if processes.program(above) == "conmon"), 0)
    words = _words(monitor)
    named = next((value for word, value in zip(words, words[1:]) if word in ("-n", "--name")), "")
    owner = _owner(monitor) if monitor else ""
    found: dict[str, Any] = {
        "manager": engine,
        "name": (box["name"] if box else "") or named or digest[:12],
        "account": owner if owner not in ("", "root") else "",
    }
    if not box:
        return found
    inside = [] if sockets.shares_network(pid) else sockets.inside(pid)
    open_inside = [f"{item['host']}:{item['port']}" for item in inside]
    reached = [f"{place}:{item['port']}" for place in box["addresses"] for item in inside if not _is_loopback(item)]
    published = [item["address"] for item in box["publishes"]]
    return {
        **found,
        "state": box["state"],
        "unit": box["unit"],
        "publishes": [f"{item['address']} to {item['inside']}" for item in box["publishes"]],
        "inside": open_inside,
        "binds": sorted({*held, *published, *reached}),
        "unreached": _unreached(box["publishes"], inside) if open_inside else "",
    }


def _unreached(publishes: list[dict[str, Any]], inside: list[dict[str, Any]]) -> str:
    """Why requests to a published address do not reach the app inside; empty where they do."""
    for item in publishes:
        there = [found for found in inside if found["port"] == item["inside"]]
        if not there:
            others = ", ".join(f"{found['host']}:{found['port']}" for found in inside)
            return f"{item['address']} leads to port {item['inside']} inside, where nobody listens, but on {others}"
        if all(_is_loopback(found) for found in there):
            return (
                f"{item['address']} leads to port {item['inside']} inside, where the app listens on "
                f"{there[0]['host']} alone, which only the container itself reaches: it must bind 0.0.0.0"
            )
    return ""


def _is_loopback(item: dict[str, Any]) -> bool:
    return str(item["host"]).startswith(("127.", "::1"))


def _words(pid: int) -> list[str]:
    return processes.command_words(pid)


def _owner(pid: int) -> str:
    try:
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    except (OSError, KeyError):
        return ""
