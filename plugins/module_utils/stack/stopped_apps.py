# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""App servers that another program than systemd keeps and that do not run, by what that program has written of them."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    containers,
    gunicorn_config,
    supervisor,
    uwsgi_emperor,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_units
from ansible_collections.rescue502.django.plugins.module_utils.system import ancestry, processes

MOST_WORDS, WORD_LENGTH = 40, 200
App = dict[str, Any]
# Where a user's own systemd finds units (systemd.unit(5)); a home folder's are that user's word.
USER_UNITS = ("/etc/systemd/user/*.service", "/home/*/.config/systemd/user/*.service")
_PUBLISHED = re.compile(r"(?:^|[=:])(\d+):\d+(?:/tcp)?$")


def find(boxes: list[containers.Container], asked: list[dict[str, Any]]) -> list[App]:
    """Those of every manager that is known, the running ones of some included.

    boxes: the host's containers. asked: the addresses that nginx sends requests to, {kind, host, port, path}.
    """
    ports = {item["port"] for item in asked} - {0}
    units = app_units.commands()
    return [
        *_of_supervisor(),
        *_of_users(),
        *_of_containers(boxes, ports),
        *_of_emperors(units),
        *_of_units(units, ports),
    ]


def is_server(words: list[str]) -> bool:
    """Whether a command line is an app server's."""
    # gunicorn names its processes `gunicorn: master [shop]` where setproctitle is installed.
    return bool(gunicorn_config.server_name(words) or (words and words[0].startswith("gunicorn: ")))


def shortened(words: list[str]) -> list[str]:
    """A command line as it is reported."""
    return [word[:WORD_LENGTH] for word in words][:MOST_WORDS]


def lingers(user: str) -> bool:
    """Whether a user's own systemd runs without a login (loginctl(1), enable-linger)."""
    return bool(user) and os.path.exists(f"/var/lib/systemd/linger/{user}")


def _of_supervisor() -> list[App]:
    """supervisor's programs that are app servers, whether they run or not, with what supervisorctl says of them."""
    pids = [pid for pid in processes.pids() if ancestry.supervisor_of(processes.command_words(pid)) == "supervisor"]
    path = supervisor.configuration(processes.command_words(pids[0]) if pids else [])
    programs = supervisor.programs(path) if path else {}
    wanted = {name: item for name, item in programs.items() if is_server(item["command"])}
    states = supervisor.states(path) if wanted and pids else {}
    found = []
    for name, item in sorted(wanted.items()):
        said = next((state for full, state in states.items() if full in (name, f"{name}:{name}")), "")
        unknown = "not known: supervisorctl could not be asked" if pids else "supervisord does not run"
        app = _stopped("supervisor", name, said or unknown, item["command"], item["folder"])
        found.append({**app, "user": item["user"], "config": path, "kept": bool(pids)})
    return found


def _of_users() -> list[App]:
    """Units of users' own systemd that start an app server; what they say is the users' word."""
    found = []
    for path in sorted(path for pattern in USER_UNITS for path in glob.glob(pattern)):
        text = _text(path)
        command = next(
            (line.partition("=")[2].split() for line in text.splitlines() if line.startswith("ExecStart=")), []
        )
        if is_server(command):
            user = path.split("/")[2] if path.startswith("/home/") else ""
            app = _stopped("systemd-user", os.path.basename(path), "does not run", command, "")
            found.append({**app, "user": user, "config": path, "lingers": lingers(user)})
    return found


def _of_containers(boxes: list[containers.Container], ports: set[int]) -> list[App]:
    """Containers that run an app server, or publish a port that nginx asks."""
    found = []
    for box in boxes:
        published = {gunicorn_config.parse_bind(item["address"])["port"] for item in box["publishes"]}
        if is_server(box["command"]) or published & ports:
            app = _stopped(box["engine"], box["name"] or box["id"][:12], box["state"], box["command"], box["folder"])
            publishes = [f"{item['address']} to {item['inside']}" for item in box["publishes"]]
            binds = [item["address"] for item in box["publishes"]] or app["binds"]
            kept = box["engine_runs"]
            found.append({**app, "unit": box["unit"], "publishes": publishes, "binds": binds, "kept": kept})
    return found


def _of_emperors(units: dict[str, list[str]]) -> list[App]:
    """Vassals of uWSGI's Emperors: of those that run, and of units that would start one."""
    living = {pid: words for pid in processes.pids() if uwsgi_emperor.is_emperor(words := processes.command_words(pid))}
    places = {processes.unit_of(pid): words for pid, words in living.items()}
    idle = {unit: words for unit, words in units.items() if uwsgi_emperor.is_emperor(words) and unit not in places}
    found = []
    for unit, words in {**places, **idle}.items():
        for path in uwsgi_emperor.vassals(uwsgi_emperor.watched(words)):
            known = uwsgi_emperor.facts(path)
            state = "its Emperor does not run" if unit in idle else "does not run, though its Emperor does"
            app = _stopped("uwsgi-emperor", os.path.basename(path), state, [], known["folder"])
            more = {"user": known["user"], "config": path, "unit": unit, "binds": known["binds"]}
            found.append({**app, **more, "kept": unit not in idle})
    return found


def _of_units(units: dict[str, list[str]], ports: set[int]) -> list[App]:
    """Units of systemd's that run a container with an app server in it, or that publishes a port that nginx asks."""
    found = []
    for unit, words in units.items():
        engine = os.path.basename(words[0]) if words else ""
        if engine not in ("docker", "podman") or "run" not in words[1:3]:
            continue
        publishes = {int(match.group(1)) for word in words if (match := _PUBLISHED.search(word))}
        if publishes & ports or any(is_server([word]) for word in words[2:]):
            name = next((word.partition("=")[2] for word in words if word.startswith("--name=")), "")
            name = name or next((value for word, value in zip(words, words[1:]) if word == "--name"), unit)
            found.append({**_stopped(engine, name, "its unit does not run it", words, ""), "unit": unit})
    return found


def _stopped(manager: str, name: str, state: str, command: list[str], folder: str) -> App:
    binds = gunicorn_config.parse(command, {}, folder or "/").bind if command else []
    return {
        "manager": manager, "name": name, "state": state, "pid": 0, "user": "", "words": shortened(command),
        "folder": folder, "config": "", "binds": [text.replace("unix:", "", 1) for text in binds], "lingers": False,
        "unit": "", "account": "", "publishes": [], "inside": [], "unreached": "", "kept": True,
    }  # fmt: skip


def _text(path: str) -> str:
    try:
        return safe_files.text(path)
    except OSError:
        return ""
