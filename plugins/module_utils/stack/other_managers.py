# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""App servers of this host that something else than a unit of systemd's starts: which, what, and their state.

What runs is asked of the kernel; what does not run is asked of the manager itself. All of it is information: nothing is
done to an app on its word.
"""

from __future__ import annotations

import glob
import os
import pwd
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config, supervisor
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, ancestry, processes, sockets

MOST = 10
MOST_WORDS, WORD_LENGTH = 40, 200
App = dict[str, Any]
# Where a user's own systemd finds units (systemd.unit(5)); a home folder's are that user's word.
USER_UNITS = ("/etc/systemd/user/*.service", "/home/*/.config/systemd/user/*.service")


def find() -> list[App]:
    """Each app that is found, at most MOST, as other_managers.yml of the evidence describes it."""
    running = _running()
    known = {(app["manager"], app["name"]) for app in running}
    down = [app for app in [*_of_supervisor(), *_of_users()] if (app["manager"], app["name"]) not in known]
    return [*running, *down][:MOST]


def _running() -> list[App]:
    """The main process of each app server that runs outside of a unit of systemd's."""
    servers = {pid: words for pid in processes.pids() if _is_server(words := processes.command_words(pid))}
    mains = [pid for pid in servers if processes.parent(pid) not in servers]
    listening = sockets.listeners() if mains else []
    return [_described(pid, servers, listening) for pid in mains]


def _is_server(words: list[str]) -> bool:
    # gunicorn names its processes `gunicorn: master [shop]` where setproctitle is installed.
    return bool(gunicorn_config.server_name(words) or (words and words[0].startswith("gunicorn: ")))


def _described(pid: int, servers: dict[int, list[str]], listening: list[dict[str, Any]]) -> App:
    group = ancestry.control_group(pid)
    manager, manager_pid = ancestry.supervisor(pid)
    name, config = "", ""
    uid, unit = ancestry.user_unit(group)
    if found := ancestry.container(group):
        manager, name = "container", found
    elif manager == "supervisor":
        # supervisord gives each of its programs its name (supervisord.org, Subprocess Environment).
        name = processes.variable(pid, "SUPERVISOR_PROCESS_NAME")
        config = supervisor.configuration(processes.command_words(manager_pid))
    elif ancestry.supervisor_of(servers[pid]):
        manager, name = ancestry.supervisor_of(servers[pid]), ""
    elif unit:
        manager, name = "systemd-user", unit
    elif not manager:
        manager = "by-hand" if ancestry.is_in_session(group) or not processes.unit_of(pid) else "unit"
        name = processes.unit_of(pid)
    own = {pid, *(child for child in servers if pid in ancestry.above(child))}
    held = [item["path"] or f"{item['host']}:{item['port']}" for item in listening if item["pid"] in own]
    return {
        "manager": manager,
        "name": name,
        "state": "RUNNING",
        "pid": pid,
        "user": accounts.user_name(uid) if unit else _owner(pid),
        "words": [word[:WORD_LENGTH] for word in servers[pid]][:MOST_WORDS],
        "folder": processes.folder(pid),
        "config": config,
        "binds": sorted(set(held)),
        "lingers": _lingers(accounts.user_name(uid)) if unit else False,
    }


def _of_supervisor() -> list[App]:
    """supervisor's programs that are app servers, whether they run or not, with what supervisorctl says of them."""
    pids = [pid for pid in processes.pids() if ancestry.supervisor_of(processes.command_words(pid)) == "supervisor"]
    words = processes.command_words(pids[0]) if pids else []
    path = supervisor.configuration(words)
    wanted = (
        {name: item for name, item in supervisor.programs(path).items() if _is_server(item["command"])} if path else {}
    )
    states = supervisor.states(path) if wanted and pids else {}
    found = []
    for name, item in sorted(wanted.items()):
        said = next((state for full, state in states.items() if full in (name, f"{name}:{name}")), "")
        unknown = "not known: supervisorctl could not be asked" if pids else "supervisord does not run"
        found.append(_stopped("supervisor", name, said or unknown, item["user"], item["command"], item["folder"], path))
    return found


def _of_users() -> list[App]:
    """Units of users' own systemd that start an app server; what they say is the users' word."""
    found = []
    for path in sorted(path for pattern in USER_UNITS for path in glob.glob(pattern)):
        try:
            lines = safe_files.text(path).splitlines()
        except OSError:
            continue
        command = next((line.partition("=")[2].strip().split() for line in lines if line.startswith("ExecStart=")), [])
        if _is_server(command):
            user = path.split("/")[2] if path.startswith("/home/") else ""
            app = _stopped("systemd-user", os.path.basename(path), "does not run", user, command, "", path)
            found.append({**app, "lingers": _lingers(user)})
    return found


def _stopped(manager: str, name: str, state: str, user: str, command: list[str], folder: str, config: str) -> App:
    binds = gunicorn_config.parse(command, {}, folder or "/").bind
    return {
        "manager": manager, "name": name, "state": state, "pid": 0, "user": user,
        "words": [word[:WORD_LENGTH] for word in command][:MOST_WORDS], "folder": folder, "config": config,
        "binds": [text.replace("unix:", "", 1) for text in binds], "lingers": False,
    }  # fmt: skip


def _lingers(user: str) -> bool:
    """Whether a user's own systemd runs without a login (loginctl(1), enable-linger)."""
    return bool(user) and os.path.exists(f"/var/lib/systemd/linger/{user}")


def _owner(pid: int) -> str:
    try:
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    except (OSError, KeyError):
        return ""
