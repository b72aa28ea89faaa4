# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the app server is configured to run: read from its command line and its configuration file, never by running it.

gunicorn's own options are in gunicorn_options.py, those of other servers in other_servers.py.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_options,
    other_servers,
    server_config,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig

DEFAULT_BIND = "127.0.0.1:8000"
SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi")


def server_name(argv: list[str]) -> str:
    """The app server that a command line starts, or an empty string."""
    for word in argv[:4]:
        name = os.path.basename(word)
        for server in SERVERS:
            if name == server or name.startswith(server + "-") or name == server + "3":
                return server
    return ""


def parse(argv: list[str], environment: dict[str, str], cwd: str, only_roots: bool = False) -> ServerConfig:
    """The configuration that a command line, GUNICORN_CMD_ARGS and the configuration file add up to.

    argv: of ExecStart. environment: the unit's. cwd: its working directory. only_roots: whether a configuration file
    that others than root can write is left out. Never raises: what cannot be read stays at its default.
    """
    config = ServerConfig(server=server_name(argv), argv=argv)
    words = _expanded(_arguments(argv), environment)
    if config.server == "gunicorn":
        says_all = _apply_gunicorn(
            config, words, split_words(environment.get("GUNICORN_CMD_ARGS", "")), cwd, only_roots
        )
    else:
        says_all = other_servers.apply(config, words, environment, cwd, only_roots)
        says_all = says_all and any(server_name([word]) for word in argv)
    if not config.bind and says_all:
        port = environment.get("PORT", "") if config.server == "gunicorn" else ""
        config.bind = [f"0.0.0.0:{port}"] if port else [DEFAULT_BIND]
    return config


def bind_rests_on(argv: list[str], environment: dict[str, str], cwd: str) -> tuple[bool, str]:
    """(whether variables that are not in `environment` may say where it listens, the configuration file that may).

    Neither where the command line itself says it: that wins.
    """
    words, is_gunicorn = _arguments(argv), server_name(argv) == "gunicorn"
    options = gunicorn_options.read(words).options if is_gunicorn else other_servers.read(words)[0]
    named = [*options.get("bind", []), *(options.get(name, "") for name in ("uds", "host", "port"))]
    if any(named):
        used = re.findall(r"\$\{?(\w+)", " ".join(named))
        return any(name not in environment for name in used), ""
    if not is_gunicorn:
        return True, ""
    file = _config_path(options.get("config"), os.path.join(cwd, options.get("chdir", "")))
    literal = ServerConfig()
    _apply_file(literal, file, "")
    # A variable with gunicorn's arguments would win over the file, and is too rare to matter.
    return not literal.bind, file


def _arguments(argv: list[str]) -> list[str]:
    """The words after the app server's own name."""
    start = next((i for i, word in enumerate(argv) if server_name([word])), len(argv))
    return argv[start + 1 :]


def _expanded(words: list[str], environment: dict[str, str]) -> list[str]:
    """Words with variables put in as systemd does for ExecStart=: `$NAME` alone may become several words, or none."""
    found = []
    for word in words:
        alone = re.match(r"^\$(\w+)$", word)
        found += split_words(environment.get(alone.group(1), "")) if alone else [_expand(word, environment)]
    return found


def _expand(word: str, environment: dict[str, str]) -> str:
    """$NAME and ${NAME} within a word."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: environment.get(match.group(1), ""), word)


def split_words(text: str) -> list[str]:
    """Text split as a shell would split it; at blanks alone where its quotes do not match."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _apply_gunicorn(config: ServerConfig, words: list[str], more: list[str], cwd: str, only_roots: bool) -> bool:
    """The settings of the command line, GUNICORN_CMD_ARGS (`more`) and the configuration file; the former wins.

    Returns whether what they say of the addresses is known. The app is the command line's, else the file's.
    """
    given, added = gunicorn_options.read(words), gunicorn_options.read(more)
    options = {**added.options, **given.options}
    says_all = _apply_file(config, options.get("config"), os.path.join(cwd, options.get("chdir", "")), only_roots)
    server_config.apply_all(config, options)
    if given.app or given.doubtful:
        config.app = given.app
    for word in options.get("raw_env", []):
        name, _equals, value = word.partition("=")
        config.environment[name] = value
    return says_all


def _config_path(given: str | None, folder: str) -> str:
    path = re.sub(r"^file:", "", given or "./gunicorn.conf.py")
    return "" if path.startswith("python:") else os.path.normpath(os.path.join(folder, path))


def _apply_file(config: ServerConfig, given: str | None, folder: str, only_roots: bool = False) -> bool:
    """Literal assignments of a gunicorn.conf.py; values that are computed are left alone.

    Returns whether what it says of the addresses is known: not where it cannot be read, or computes them.
    """
    path = _config_path(given, folder)
    if only_roots and write_access.on_the_way(path, 0):
        return False
    try:
        parsed = ast.parse(safe_files.text(path))
    except (OSError, SyntaxError, ValueError):
        return not given and os.path.isdir(folder) and not os.path.exists(path)
    config.config_file = path
    computed = False
    for node in parsed.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            try:
                server_config.apply(config, name, ast.literal_eval(node.value))
            except (ValueError, TypeError):
                computed = computed or name == "bind"
                config.app = "" if name == "wsgi_app" else config.app
    return not computed


def parse_bind(bind: str) -> dict[str, Any]:
    """One bind address as {kind, host, port, path}; kind is tcp, unix or fd."""
    if bind.startswith("unix:"):
        return {"kind": "unix", "host": "", "port": 0, "path": re.sub(r"^unix:(//)?", "", bind)}
    if bind.startswith("/"):
        return {"kind": "unix", "host": "", "port": 0, "path": bind}
    if bind.startswith("fd://"):
        return {"kind": "fd", "host": "", "port": 0, "path": ""}
    bind = re.sub(r"^(tcp|http)://", "", bind)
    match = re.match(r"^(?:\[(?P<six>[^\]]*)\]|(?P<four>[^:]*))(?::(?P<port>\d+))?$", bind)
    if not match:
        return {"kind": "tcp", "host": bind, "port": 8000, "path": ""}
    host = match.group("six") or match.group("four") or "0.0.0.0"
    return {"kind": "tcp", "host": host, "port": int(match.group("port") or 8000), "path": ""}
