# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proxy: nginx's unit, its configuration, and where it sends this app's requests."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    answering_server,
    answers,
    cors_lines,
    differing_answers,
    edge,
    handed_headers,
    nginx_limits,
    nginx_log,
    nginx_start,
    refusals,
    served_files,
    service,
    silent_ports,
    upstream_tls,
    upstreams,
)
from ansible_collections.rescue502.django.plugins.module_utils.files import write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_test, nginx_unit, web_servers
from ansible_collections.rescue502.django.plugins.module_utils.stack import nginx_workers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import (
    filesystems,
    processes,
    sockets,
    systemd,
    unread,
)

TEST_TIMEOUT = 5.0
# Its configuration may name any path, and root makes the folder that is missing: below /var/log that harms nobody.
_LOG_FOLDER = re.compile(r'open\(\) "(/var/log/(?:[\w.-]+/)*[\w.-]+)/[\w.-]+" failed \(2: ')
RECENT = 300.0


def collect(
    stack: Stack, listeners: list[dict[str, Any]], asked: dict[str, Any], wrong: answers.Wrong, listening: bool
) -> dict[str, Any]:
    """State of nginx, validity of its configuration, upstreams and listeners, what nginx said of this app's answers.

    asked: what the edge section holds; the backend itself is asked for what went wrong there. wrong, listening: as for
    answers.collect().
    """
    unit = nginx_unit.name()
    shown = systemd.show(unit)
    started = service.started_at(shown)
    reloaded = reloaded_at(shown, started)
    # A certificate that was renewed on disk counts where the one that nginx still shows is refused.
    refused = any(check["error"].startswith("certificate:") for check in asked.get("checks", []))
    renewed = edge.certificate_paths(stack) if refused else []
    # So do the authorities by which it judges the app server's.
    renewed += [] if asked.get("well") is True else upstream_tls.paths(stack)
    errors = nginx_log.errors(stack, time.time() - RECENT)
    log_bar = nginx_log.barred(stack)
    config_bars = [item.why for item in stack.nginx_unread]
    newer = sorted(p for p in [*stack.nginx_files, *renewed] if started and filesystems.modified(p) > reloaded)
    unused = [] if stack.behind_nginx else upstreams.unused_files(stack)
    since_read = [item for item in errors if item["when"] >= int(reloaded)]
    # Of what the app answers, only the one that runs now.
    since_start = [item for item in since_read if item["when"] >= int(service.started_at(stack.properties))]
    # nginx writes whole seconds.
    said = [item["text"] for item in errors if item["when"] >= int(asked.get("asked_at", 0))]
    test = _test(stack, lambda: _was_valid(stack, shown, reloaded))
    limits = nginx_limits.collect(stack, asked, errors, nginx_workers.account(stack, shown))
    origin = asked.get("origin", "")
    # Where packets are dropped each of these waits for as long as it may: together they would be too late.
    with ThreadPoolExecutor() as pool:
        sent_to = pool.submit(upstreams.collect, stack, listeners, shown, asked.get("well") is True, since_read)
        answered = pool.submit(answers.collect, stack, asked, since_start, wrong, listening)
        cors = pool.submit(cors_lines.collect, stack, wrong, origin)
        differing = pool.submit(differing_answers.collect, stack, wrong, origin, listening)
        silent = pool.submit(silent_ports.collect, stack, wrong, listeners, shown)
    return {
        "unit": {
            "name": unit,
            "load_state": shown.get("LoadState", ""),
            "active_state": shown.get("ActiveState", ""),
            "sub_state": shown.get("SubState", ""),
            "result": shown.get("Result", ""),
            "file_state": shown.get("UnitFileState", ""),
        },
        "test": test,
        "config_newer": unread.reported(newer, "nginx's configuration", *config_bars),
        "user": nginx_workers.user(stack, shown),
        "behind_nginx": unread.reported(stack.behind_nginx, "nginx's configuration", *config_bars, stack.bind_bar),
        "included": stack.nginx_folders,
        "unused": unread.reported(unused, "nginx's configuration", *config_bars),
        "upstreams": sent_to.result(),
        "refusals": refusals.collect(stack, asked),
        "answered_by": answering_server.collect(stack, wrong),
        "handed": handed_headers.collect(stack, wrong, origin),
        **_optional(
            cors=cors.result(),
            differing=differing.result(),
            held=_held(shown) if wrong else [],
            start=nginx_start.collect(shown, test, stack.nginx_root, stack.nginx_files),
            served=served_files.collect(stack.nginx_root, wrong, said),
            silent=silent.result(),
            said=list(dict.fromkeys(map(nginx_log.in_short, said)))[-5:] if wrong else [],
        ),
        "fronts": _fronts(stack, listeners, unit),
        **({"other_servers": web_servers.enabled()} if shown.get("ActiveState") != "active" else {}),
        "errors": unread.reported([item["text"] for item in errors][-10:], "nginx's error log", log_bar),
        "known_errors": unread.reported(limits["known"], "nginx's error log", log_bar),
        "reported": unread.reported(limits["reported"], "nginx's error log", log_bar),
        "stalled_paths": unread.reported(
            nginx_log.paths(errors, "upstream timed out|upstream prematurely closed"), "nginx's error log", log_bar
        ),
        **answered.result(),
    }


def _held(shown: dict[str, str]) -> list[dict[str, Any]]:
    """{pid, held} of nginx's processes that somebody keeps from running."""
    return [{"pid": item["pid"], "held": item["held"]} for item in service.unit_processes(shown) if item["held"]][:5]


def _optional(**facts: Any) -> dict[str, Any]:
    """Facts that are there only where there is something to say."""
    return {name: value for name, value in facts.items() if value}


def _fronts(stack: Stack, listeners: list[dict[str, Any]], unit: str) -> Any:
    """Who listens, on whatever address, on a port of nginx's servers for this app, or on a port for browsers."""
    ports = parse_ports(stack.locations) | edge.WEB_PORTS
    # Who may be ended for nginx's sake, only root's own files say.
    own = parse_ports(stack.roots_locations)
    others = [item for item in listeners if item["port"] in ports and item["unit"] != unit]
    named = [
        {
            "pid": item["pid"],
            "command": item["command"][:300],
            "unit": item["unit"],
            "foreign": item["unit"] != stack.unit,
            "server": web_servers.server(item["pid"]),
            "host": item["host"],
            "port": item["port"],
            "in_the_way": item["port"] in own,
        }
        for item in others
        if item["pid"]
    ]
    return unread.reported(named, "whose processes listen on nginx's ports", sockets.barred(others))


def parse_ports(locations: list[dict[str, Any]]) -> set[int]:
    """The ports on which nginx is to listen for these locations; 80 where it says none."""
    named = [listen for item in locations for listen in item["listen"] if not listen.startswith("unix:")]
    found = [re.search(r"(?:^|:)(\d+)$", listen) for listen in named]
    return {int(match.group(1)) if match else 80 for match in found}


def reloaded_at(shown: dict[str, str], started: float) -> float:
    """When nginx last read its configuration: its workers are as old as that. Seconds since the epoch."""
    for item in service.unit_processes(shown):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            started = max(started, processes.started(item["pid"]))
    return started


def _was_valid(stack: Stack, shown: dict[str, str], reloaded: float) -> bool:
    """Whether nginx has taken this very configuration: nothing of it has changed since, and it did not fail."""
    if stack.nginx_unread or not stack.nginx_files or not reloaded or shown.get("Result") != "success":
        return False
    # A file that was added or taken away changes its folder.
    places = {*stack.nginx_files, *(os.path.dirname(path) for path in stack.nginx_files), *stack.nginx_folders}
    return all(filesystems.modified(path) <= reloaded for path in places)


def _test(stack: Stack, was_valid: Callable[[], bool]) -> dict[str, Any]:
    """`nginx -t`: valid, or its message with file and line.

    Only root gets to its end, past keys, the pid file and ports. For others a complaint about anything else counts, and
    else whether nginx itself has taken the configuration. Root itself does not test what others can write: nginx makes
    the folders that it names, and gives them to the account that it names.
    """
    shared = next((found for path in stack.nginx_files if (found := write_access.on_the_way(path, 0))), "")
    words = nginx_unit.command(systemd.show(nginx_unit.name()))
    words[0] = shutil.which(words[0], path=nginx_test.PATH) or words[0]
    who = nginx_test.account()
    try:
        if shared and os.geteuid() == 0:
            done: Any = commands.run_as(
                "nobody", None, [*words, "-t", "-q"], {"PATH": nginx_test.PATH}, "/", TEST_TIMEOUT
            )
        else:
            done = nginx_test.run(who, "-t", "-q")
    except (KeyError, OSError, subprocess.TimeoutExpired) as error:
        return {"asked": False, "valid": None, "message": str(error), "file": "", "line": 0}
    said = parse_test(done.returncode, done.stderr)
    ordinary = bool(shared) or who != nginx_test.ROOT
    if not said["valid"] and (ordinary or os.geteuid() != 0) and "Permission denied" in said["message"]:
        what = "whether nginx's configuration is valid"
        why = f"others can write {shared}" if shared else f"nginx is run as {who}"
        why += ", so that root does not test it"
        valid = was_valid() or (unread.Unread(what, why) if ordinary else unread.only_root(what, "test it to its end"))
        said = {"valid": valid, "message": "", "file": "", "line": 0}
    return {"asked": True, **said, "message": said["message"][:500]}


def parse_test(status: int, text: str) -> dict[str, Any]:
    """{valid, message, file, line, log_folder} of what `nginx -t -q` wrote to standard error, and of its status."""
    message = next((line for line in text.splitlines() if "[emerg]" in line), text.strip())
    place = re.search(r" in (\S+):(\d+)$", message)
    folder = _LOG_FOLDER.search(message)
    return {
        **({"log_folder": folder.group(1)} if folder and "/../" not in folder.group() else {}),
        "valid": status == 0,
        "message": message,
        "file": place.group(1) if place else "",
        "line": int(place.group(2)) if place else 0,
    }
