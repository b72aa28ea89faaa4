# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Discover the stack: the app on this host, from its unit file, nginx's configuration and Django's own files."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.module_utils import (
    app_units,
    credentials,
    gunicorn_config,
    nginx_config,
    requirements,
    sockets,
    systemd,
    tree,
    unread,
)

SYSTEM_PREFIXES = ("", "/", "/usr", "/usr/local", "/bin")
_SETTINGS = re.compile(r"""setdefault\(\s*['"]DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""")


@dataclass
class Stack:
    """The app on one host. `environment` holds secrets and never leaves the host; public() leaves it out."""

    unit: str
    properties: dict[str, str]
    environment: dict[str, str]
    environment_problems: list[str]
    server: gunicorn_config.ServerConfig
    cwd: str
    root: str
    manage_py: str
    venv: str
    user: str
    group: str
    env_files: list[str]
    bind: list[dict[str, Any]]
    settings_module: str
    database_unit: str
    health_url: str
    nginx_config: str
    nginx_files: list[str] = field(default_factory=list)
    locations: list[dict[str, Any]] = field(default_factory=list)
    static_locations: list[dict[str, str]] = field(default_factory=list)
    nginx_user: str = ""
    nginx_folders: list[str] = field(default_factory=list)
    behind_nginx: bool = False
    all_locations: list[dict[str, Any]] = field(default_factory=list)
    requirements: str = ""
    # Secret, like `environment`.
    credentials: dict[str, bytes] = field(default_factory=dict)
    credentials_missing: list[str] = field(default_factory=list)
    # What the account that looks may not read of the above; all of it is empty for root.
    environment_unread: list[unread.Unread] = field(default_factory=list)
    nginx_unread: list[unread.Unread] = field(default_factory=list)
    # Why `bind` is empty where what says it may not be read.
    bind_bar: str = ""
    # Whether the user, or the unit's own order, says that the app's database is the one that runs on this host.
    database_is_here: bool = False

    def public(self) -> dict[str, Any]:
        """What may be shown, and what the remedies take as their variables."""
        return {
            "unit": self.unit,
            "root": self.root,
            "manage_py": self.manage_py,
            "venv": self.venv,
            "user": self.user,
            "group": self.group,
            "env_files": self.env_files,
            "cwd": self.cwd,
            "app": self.server.app,
            "server": self.server.server,
            "bind": self.bind,
            "tls": bool(self.server.certfile),
            "daemon": self.server.daemon,
            "timeout": self.server.timeout,
            "errorlog": self.server.errorlog,
            "accesslog": self.server.accesslog,
            "pidfile": self.server.pidfile,
            "config_file": self.server.config_file,
            "settings_module": self.settings_module,
            "database_unit": self.database_unit,
            "health_url": self.health_url,
            "nginx_config": self.nginx_config,
            "locations": self.locations,
            "requirements": self.requirements,
        }


def discover(given: dict[str, Any]) -> Stack:
    """Find the stack. given: what the user set (unit, root, venv, user, group, env_file, edge, health_url and so on).

    Raises StackError where no unit can be found or chosen, systemd.SystemdError where systemd does not answer.
    """
    unit = given.get("unit") or app_units.only()
    if "." not in unit:
        unit += ".service"
    properties = systemd.show(unit)
    if properties.get("LoadState") == "not-found":
        app_units.refuse_misspelt(unit)
    environment, problems = systemd.unit_environment(properties)
    cwd = app_units.working_directory(properties, environment)
    server = app_units.server_of(properties, environment, cwd)
    cwd = os.path.normpath(os.path.join(cwd, server.chdir)) if server.chdir else cwd
    environment.update(server.environment)
    bind = _socket_unit_binds(properties) or [gunicorn_config.parse_bind(text) for text in server.bind]
    bind = bind or _listens_on(properties)
    venv = given.get("venv") or _venv(properties)
    manage_py = _manage_py(given.get("root") or cwd)
    root = given.get("root") or (os.path.dirname(manage_py) if manage_py else cwd)
    user = given.get("user") or server.user or properties.get("User", "") or "root"
    stack = Stack(
        unit=unit,
        properties=properties,
        environment=environment,
        environment_problems=problems,
        server=server,
        cwd=cwd,
        root=root,
        manage_py=manage_py or os.path.join(root, "manage.py"),
        venv=venv,
        user=user,
        group=given.get("group") or server.group or properties.get("Group", "") or _primary_group(user),
        env_files=_env_files(given, properties, root),
        bind=bind,
        settings_module=environment.get("DJANGO_SETTINGS_MODULE") or _settings_module(root, cwd, server.app),
        database_unit=_database_unit(given),
        health_url=given.get("health_url") or "",
        nginx_config=nginx_config.main_file(),
        requirements=requirements.find(root),
        database_is_here=_database_is_here(given, properties),
    )
    stack.credentials, stack.credentials_missing = credentials.read(properties)
    _leave_out_unread(stack)
    _add_nginx(stack, _edge_hosts(given))
    return stack


def _leave_out_unread(stack: Stack) -> None:
    """What rests on files that this account may not read is not guessed, and their being unreadable is no problem."""
    files = [path for path, _optional in systemd.environment_file_paths(stack.properties.get("EnvironmentFiles", ""))]
    bars = {path: why for path in files if (why := unread.sealed(path))}
    stack.environment_problems = [text for text in stack.environment_problems if text.partition(": ")[0] not in bars]
    stack.environment_unread = [unread.Unread(f"the environment file {path}", why) for path, why in bars.items()]
    stack.environment_unread += credentials.barred(stack.properties)
    if _socket_unit_binds(stack.properties):
        return
    argv = systemd.exec_argv(stack.properties.get("ExecStart", ""))
    by_variables, file = gunicorn_config.bind_rests_on(argv, stack.environment, stack.cwd)
    variables = next((item.why for item in stack.environment_unread), "") if by_variables else ""
    stack.bind_bar = (unread.sealed(file) if file else "") or variables
    if stack.bind_bar:
        stack.bind = []


def _database_is_here(given: dict[str, Any], properties: dict[str, str]) -> bool:
    """Whether anybody says that the app uses this host's PostgreSQL, without a look at the app's own variables."""
    named = [
        name for relation in ("After", "Requires", "Wants", "BindsTo") for name in properties.get(relation, "").split()
    ]
    return bool(given.get("database_unit")) or any(name.startswith("postgresql") for name in named)


def _socket_unit_binds(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Addresses that a .socket unit listens on for this service (socket activation)."""
    units = [name for name in properties.get("TriggeredBy", "").split() if name.endswith(".socket")]
    listens = [line for unit in units for line in systemd.show(unit).get("Listen", "").splitlines()]
    streams = [line.rpartition(" ")[0] for line in listens if line.endswith("(Stream)")]
    return [gunicorn_config.parse_bind(text) for text in streams]


def _listens_on(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Where a running unit is seen to listen; none where it is down."""
    pids = sockets.unit_pids(properties)
    held = [item for item in sockets.listeners() if item["pid"] in pids] if pids else []
    return [{key: item[key] for key in ("kind", "host", "port", "path")} for item in held]


def _venv(properties: dict[str, str]) -> str:
    """The folder two above the program that ExecStart runs, unless that is the system's own."""
    for word in systemd.exec_argv(properties.get("ExecStart", "")):
        if "/bin/" in word and word.startswith("/"):
            prefix = os.path.dirname(os.path.dirname(word))
            if prefix not in SYSTEM_PREFIXES:
                return prefix
    return ""


def _manage_py(folder: str) -> str:
    """manage.py in the folder, above it, or one level below it."""
    near = [folder, os.path.dirname(folder)]
    for place in near:
        if place not in SYSTEM_PREFIXES and os.path.isfile(os.path.join(place, "manage.py")):
            return os.path.join(place, "manage.py")
    below = sorted(glob.glob(os.path.join(glob.escape(folder), "*", "manage.py"))) if folder != "/" else []
    return below[0] if len(below) == 1 else ""


def _settings_module(root: str, cwd: str, app: str) -> str:
    """The default that the app's wsgi module or manage.py sets."""
    module = app.partition(":")[0].replace(".", "/") + ".py"
    for path in (os.path.join(cwd, module), os.path.join(root, module), os.path.join(root, "manage.py")):
        try:
            match = _SETTINGS.search(tree.text(path, 65536))
        except OSError:
            continue
        if match:
            return match.group(1)
    return ""


def _env_files(given: dict[str, Any], properties: dict[str, str], root: str) -> list[str]:
    """The unit's environment files, and a .env that the settings may load by themselves."""
    paths = [path for path, _optional in systemd.environment_file_paths(properties.get("EnvironmentFiles", ""))]
    if given.get("env_file"):
        paths.append(given["env_file"])
    if os.path.lexists(os.path.join(root, ".env")):
        paths.append(os.path.join(root, ".env"))
    return list(dict.fromkeys(os.path.normpath(path) for path in paths))


def _primary_group(user: str) -> str:
    try:
        account = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
        return grp.getgrgid(account.pw_gid).gr_name
    except KeyError:
        return ""


def _database_unit(given: dict[str, Any]) -> str:
    """The unit to start PostgreSQL with; empty where the user said so, or where no such unit is here."""
    if given.get("database_unit") is not None:
        return str(given["database_unit"])
    text = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain", "postgresql*.service")
    names = [line.split()[0] for line in text.splitlines() if line.strip()]
    names = [name[: -len(".service")] for name in names if "@." not in name]
    return "postgresql" if "postgresql" in names else (names[0] if len(names) == 1 else "")


def _edge_hosts(given: dict[str, Any]) -> set[str]:
    """The names by which the user has the edge asked."""
    checks = given.get("edge") or []
    return {str(check.get("host") or urlsplit(str(check.get("url") or "")).hostname or "") for check in checks} - {""}


def _add_nginx(stack: Stack, hosts: set[str]) -> None:
    """The locations that hand requests to this app; where none does, those of the hosts, else the only proxied one."""
    if not stack.nginx_config:
        return
    try:
        root, stack.nginx_files = nginx_config.load(stack.nginx_config)
    except OSError as error:
        if isinstance(error, PermissionError):
            stack.nginx_unread = [unread.Unread(f"nginx's configuration {stack.nginx_config}", unread.reason(error))]
        return
    barred = nginx_config.barred_includes(root, os.path.dirname(stack.nginx_config))
    stack.nginx_unread = [unread.Unread(f"nginx's configuration {path}", why) for path, why in barred.items()]
    proxied = nginx_config.proxied_locations(root)
    stack.all_locations = proxied
    ours = [item for item in proxied if any(same_address(a, bind) for a in item["addresses"] for bind in stack.bind)]
    servers = {tuple(item["server_names"]) for item in proxied}
    meant = [item for item in proxied if hosts.intersection(item["server_names"])]
    stack.locations = ours or meant or (proxied if len(servers) == 1 and not stack.nginx_unread else [])
    stack.behind_nginx = bool(ours)
    files = {item["file"] for item in stack.locations}
    # Another site on this host has static files of its own.
    served = nginx_config.static_locations(root)
    stack.static_locations = [item for item in served if not files or item["file"] in files]
    stack.nginx_user = root.first("user")
    stack.nginx_folders = nginx_config.included_folders(root, os.path.dirname(stack.nginx_config))


def same_address(address: str, bind: dict[str, Any]) -> bool:
    """Whether nginx's upstream address reaches what gunicorn binds."""
    other = gunicorn_config.parse_bind(address)
    if other["kind"] != bind["kind"]:
        return False
    if bind["kind"] == "unix":
        return bool(os.path.normpath(other["path"]) == os.path.normpath(bind["path"]))
    if other["host"] != "localhost":  # for which nginx dials both of its addresses
        other["host"] = _hosts_file().get(other["host"], other["host"])
    return bool(other["port"] == bind["port"] and _same_host(other["host"], bind["host"]))


def _same_host(dialled: str, bound: str) -> bool:
    """Whether a host that is dialled reaches one that is bound; `::` takes requests to IPv4 addresses too."""
    families = ({"127.0.0.1", "localhost", "0.0.0.0"}, {"::1", "localhost", "::"})
    same_loopback = any({dialled, bound} <= family for family in families)
    on_all = bound in ("0.0.0.0", "::") and (dialled.startswith("127.") or dialled == "localhost")
    return dialled == bound or same_loopback or on_all


@lru_cache(maxsize=1)
def _hosts_file() -> dict[str, str]:
    """Names that /etc/hosts knows, with their first address: nginx resolves upstreams by it too (hosts(5))."""
    names: dict[str, str] = {}
    try:
        with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return names
    for words in lines:
        for name in words[1:]:
            names.setdefault(name, words[0])
    return names
