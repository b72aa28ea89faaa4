# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Discover the stack: the app on this host, from its unit file, nginx's configuration and Django's own files."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    systemd_credentials,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import (
    app_layout,
    app_locations,
    app_units,
    other_managers,
    roots_word,
    running_server,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets, systemd, unread


def discover(given: dict[str, Any]) -> Stack:
    """Find the stack. given: what the user set (unit, root, venv, user, group, env_file, edge, health_url and so on).

    Raises StackError where no unit can be found or chosen, systemd.SystemdError where systemd does not answer.
    """
    if not given.get("unit") and (stack := _without_unit(given)):
        return stack
    unit = given.get("unit") or app_units.only()
    if "." not in unit:
        unit += ".service"
    properties = systemd.show(unit)
    if properties.get("LoadState") == "not-found":
        app_units.refuse_misspelt(unit)
    environment, problems = systemd.unit_environment(properties)
    cwd = app_units.working_directory(properties, environment)
    server = app_units.server_of(properties, environment, cwd)
    unit_environment, argv, running = environment, server.argv, running_server.of_script(properties)
    if running:
        environment, cwd = running.environment, running.folder or cwd
        server = gunicorn_config.parse(running.words, environment, cwd)
    cwd = os.path.normpath(os.path.join(cwd, server.chdir)) if server.chdir else cwd
    environment.update(server.environment)
    activated = _socket_unit_binds(properties)
    bind = activated or [gunicorn_config.parse_bind(text) for text in server.bind]
    bind = bind or _listens_on(properties)
    word = roots_word.read(properties, argv, tuple(item["path"] for item in activated if item["path"]))
    user = given.get("user") or roots_word.user(properties, word.server)
    # Where the app says that it works is where its code is only if it could put it there itself.
    place = cwd if cwd == word.cwd or roots_word.owns(cwd, user) else word.cwd
    manage_py = app_layout.manage_py(given.get("root") or place)
    root = given.get("root") or (os.path.dirname(manage_py) if manage_py else place)
    own = server.virtualenv if virtual_env.is_one(server.virtualenv) else ""
    venv = given.get("venv") or own or app_layout.venv(properties, root)
    venv = venv or (running.venv(root, user) if running else "")
    if (wrong := virtual_env.objection(venv, root)) and venv and not virtual_env.holds(venv, root):
        raise app_units.StackError(f"rescue502_venv: {wrong}. Nothing was changed.")
    stack = Stack(
        unit=unit,
        properties=properties,
        environment=environment,
        unit_environment=unit_environment,
        environment_problems=problems,
        server=server,
        word=word,
        cwd=cwd,
        root=root,
        manage_py=manage_py or os.path.join(root, "manage.py"),
        # Programs are run from one that holds the app itself, but it is never filled or replaced.
        venv="" if venv and virtual_env.holds(venv, root) else venv,
        python=app_layout.python(properties, venv),
        user=user,
        group=given.get("group") or roots_word.group(properties, word.server, user),
        env_files=app_layout.env_files(given, properties, root),
        bind=bind,
        settings_module=environment.get("DJANGO_SETTINGS_MODULE") or app_layout.settings_module(root, cwd, server.app),
        database_unit=_database_unit(given, properties),
        health_url=given.get("health_url") or "",
        nginx_config=nginx_config.main_file(),
        requirements_given=given.get("requirements") or "",
        database_is_here=_database_is_here(given, properties),
    )
    stack.credentials, stack.credentials_missing = systemd_credentials.read(properties)
    _leave_out_unread(stack)
    app_locations.add_nginx(stack, given)
    return stack


def _without_unit(given: dict[str, Any]) -> Stack | None:
    """The app where no unit is in use that runs one: what else keeps it, or who answers nginx; None where one is."""
    names = app_units.names()
    if any(not _rests(systemd.show(name)) for name in names):
        return None
    try:
        dialled = app_units.dialled()
    except OSError:
        dialled = set()
    found = other_managers.find(dialled)
    if names:
        # Units that somebody has turned off, and whose place another manager has taken at the very address.
        kept = [app for app in found if app["manager"] not in other_managers.UNKEPT]
        found = [
            app for app in kept if any(same_address(a, bind) for a in dialled for bind in other_managers.places(app))
        ]
        return _of_other_manager(given, found) if found else None
    # Where nothing is found, the edge is asked all the same, if anybody knows what that is.
    return _of_other_manager(given, found) if found or dialled or given.get("edge") else None


def _rests(properties: dict[str, str]) -> bool:
    """Whether a unit does not run and nothing is to start it."""
    down = properties.get("ActiveState") in ("inactive", "failed") and not properties.get("TriggeredBy")
    return down and properties.get("UnitFileState") == "disabled"


def _of_other_manager(given: dict[str, Any], found: list[dict[str, Any]]) -> Stack:
    """An app that no unit of systemd's runs: what its manager says of it, and nothing that anybody would act on.

    found: the apps of other managers; none where nobody knows what runs the app.
    """
    app: dict[str, Any] = found[0] if found else {"words": [], "folder": "/", "user": ""}
    server = gunicorn_config.parse(app["words"], {}, app["folder"] or "/")
    stack = Stack(
        unit="",
        properties={},
        environment={},
        unit_environment={},
        environment_problems=[],
        server=server,
        word=roots_word.RootsWord("/", ServerConfig()),
        cwd=app["folder"],
        root=given.get("root") or app["folder"],
        manage_py="",
        venv="",
        python="",
        user=given.get("user") or app["user"],
        group=given.get("group") or "",
        env_files=[],
        bind=[bind for item in found for bind in other_managers.places(item)],
        settings_module="",
        database_unit=_database_unit(given, {}),
        health_url=given.get("health_url") or "",
        nginx_config=nginx_config.main_file(),
        other_managers=found,
    )
    app_locations.add_nginx(stack, given)
    return stack


def _leave_out_unread(stack: Stack) -> None:
    """Take out what rests on files that this account may not read: it is unknown, and not a problem."""
    files = [path for path, _optional in systemd.environment_file_paths(stack.properties.get("EnvironmentFiles", ""))]
    bars = {path: why for path in files if (why := unread.sealed(path))}
    stack.environment_problems = [text for text in stack.environment_problems if text.partition(": ")[0] not in bars]
    stack.environment_unread = [unread.Unread(f"the environment file {path}", why) for path, why in bars.items()]
    stack.environment_unread += systemd_credentials.barred(stack.properties)
    if _socket_unit_binds(stack.properties):
        return
    by_variables, file = gunicorn_config.bind_rests_on(stack.server.argv, stack.environment, stack.cwd)
    variables = next((item.why for item in stack.environment_unread), "") if by_variables else ""
    stack.bind_bar = (unread.sealed(file) if file else "") or variables
    if stack.bind_bar:
        stack.bind = []


def _database_is_here(given: dict[str, Any], properties: dict[str, str]) -> bool:
    """Whether anybody says that the app uses this host's PostgreSQL, without a look at the app's own variables."""
    return bool(given.get("database_unit")) or bool(_named_databases(properties))


def _named_databases(properties: dict[str, str]) -> list[str]:
    """The units of PostgreSQL that the app's unit is ordered behind, or wants."""
    relations = ("After", "Requires", "Wants", "BindsTo")
    named = [name for relation in relations for name in systemd.words(properties.get(relation, ""))]
    return list(dict.fromkeys(name for name in named if name.startswith("postgresql")))


def _socket_unit_binds(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Addresses that a .socket unit listens on for this service (socket activation)."""
    units = [name for name in systemd.words(properties.get("TriggeredBy", "")) if name.endswith(".socket")]
    listens = [line for unit in units for line in systemd.show(unit).get("Listen", "").splitlines()]
    streams = [line.rpartition(" ")[0] for line in listens if line.endswith("(Stream)")]
    return [gunicorn_config.parse_bind(text) for text in streams]


def _listens_on(properties: dict[str, str]) -> list[dict[str, Any]]:
    """Where a running unit is seen to listen; none where it is down."""
    pids = sockets.unit_pids(properties)
    held = [item for item in sockets.listeners() if item["pid"] in pids] if pids else []
    return [{key: item[key] for key in ("kind", "host", "port", "path")} for item in held]


def _database_unit(given: dict[str, Any], properties: dict[str, str]) -> str:
    """The unit to start PostgreSQL with; empty where the user said so, or where no such unit is here.

    Of several, such as a distribution's own and one from PostgreSQL's packages, the one that the app's unit names.
    """
    if given.get("database_unit") is not None:
        return str(given["database_unit"])
    text = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain", "postgresql*.service")
    names = [line.split()[0] for line in text.splitlines() if line.strip()]
    names = [name[: -len(".service")] for name in names if "@." not in name]
    own = [name for name in names if f"{name}.service" in _named_databases(properties)]
    if len(own) == 1:
        return own[0]
    return "postgresql" if "postgresql" in names else (names[0] if len(names) == 1 else "")
