# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the app server was told to run: read from its command line and its configuration file, never by running it.

Source of the option names: gunicorn's settings reference (docs.gunicorn.org, "Settings").
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

DEFAULT_BIND = "127.0.0.1:8000"
_TEXT = ("chdir", "user", "group", "pidfile", "errorlog", "accesslog", "worker_tmp_dir", "certfile")
SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi")


@dataclass
class ServerConfig:
    """What the app server listens on and loads. What nothing sets is empty, and so is a bind that is not known."""

    server: str = ""
    app: str = ""
    bind: list[str] = field(default_factory=list)
    chdir: str = ""
    user: str = ""
    group: str = ""
    pidfile: str = ""
    errorlog: str = ""
    accesslog: str = ""
    worker_tmp_dir: str = ""
    certfile: str = ""
    daemon: bool = False
    timeout: float = 30.0
    config_file: str = ""
    environment: dict[str, str] = field(default_factory=dict)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _parser() -> _Parser:
    """Only what matters to us; every other option is skipped by parse_known_args."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-b", "--bind", action="append")
    parser.add_argument("-c", "--config")
    parser.add_argument("--chdir")
    parser.add_argument("-u", "--user")
    parser.add_argument("-g", "--group")
    parser.add_argument("-p", "--pid")
    parser.add_argument("--error-logfile", "--log-file")
    parser.add_argument("--access-logfile")
    parser.add_argument("--worker-tmp-dir")
    parser.add_argument("--certfile", "--ssl-certfile")
    parser.add_argument("--keyfile", "--ssl-keyfile")
    parser.add_argument("-D", "--daemon", action="store_true")
    parser.add_argument("-t", "--timeout", type=float)
    parser.add_argument("-e", "--env", action="append")
    parser.add_argument("--host")
    parser.add_argument("--port")
    parser.add_argument("--uds")
    parser.add_argument("-w", "--workers")
    parser.add_argument("-k", "--worker-class")
    return parser


def server_name(argv: list[str]) -> str:
    """The app server that a command line starts, or an empty string."""
    for word in argv[:4]:
        name = os.path.basename(word)
        for server in SERVERS:
            if name == server or name.startswith(server + "-") or name == server + "3":
                return server
    return ""


def parse(argv: list[str], environment: dict[str, str], cwd: str) -> ServerConfig:
    """The configuration that a command line, GUNICORN_CMD_ARGS and the configuration file add up to.

    argv: of ExecStart. environment: the unit's. cwd: its working directory. Never raises: what cannot be read stays
    at its default.
    """
    config = ServerConfig(server=server_name(argv))
    start = next((i for i, word in enumerate(argv) if server_name([word])), None)
    if start is None:
        return config
    words = [_expand(word, environment) for word in argv[start + 1 :]]
    extra = shlex.split(environment.get("GUNICORN_CMD_ARGS", "")) if config.server == "gunicorn" else []
    options = _options(extra), _options(words)
    config.chdir = _first("chdir", *reversed(options)) or ""
    folder = os.path.join(cwd, config.chdir) if config.chdir else cwd
    says_all = config.server != "gunicorn" or _apply_file(config, _first("config", *reversed(options)), folder)
    for option in options:
        _apply_options(config, option)
    if not config.bind and says_all:
        config.bind = [f"0.0.0.0:{environment['PORT']}"] if environment.get("PORT") else [DEFAULT_BIND]
    return config


def bind_rests_on(argv: list[str], environment: dict[str, str], cwd: str) -> tuple[bool, str]:
    """(whether variables that are not in `environment` may say where it listens, the configuration file that may).

    Neither where the command line itself says it: that wins.
    """
    start = next((i for i, word in enumerate(argv) if server_name([word])), None)
    options = _options(argv[start + 1 :] if start is not None else [])
    named = [
        *(getattr(options, "bind", None) or []),
        *(_first(name, options) or "" for name in ("uds", "host", "port")),
    ]
    if any(named):
        used = re.findall(r"\$\{?(\w+)", " ".join(named))
        return any(name not in environment for name in used), ""
    if server_name(argv) != "gunicorn":
        return True, ""
    file = _config_path(_first("config", options), os.path.join(cwd, _first("chdir", options) or ""))
    literal = ServerConfig()
    _apply_file(literal, file, "")
    # A variable with gunicorn's arguments would win over the file, and is too rare to matter.
    return not literal.bind, file


def _options(words: list[str]) -> argparse.Namespace:
    """Options that we know, and under `words` what is left: the app, and options that we do not know."""
    try:
        known, rest = _parser().parse_known_args(words)
    except (ValueError, SystemExit):
        return argparse.Namespace(words=words)
    known.words = rest
    return known


def _first(name: str, *options: argparse.Namespace) -> Any:
    return next((value for option in options if (value := getattr(option, name, None))), None)


def _expand(word: str, environment: dict[str, str]) -> str:
    """$NAME and ${NAME} as systemd expands them in ExecStart=."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: environment.get(match.group(1), ""), word)


def _apply_options(config: ServerConfig, option: argparse.Namespace) -> None:
    names = {"user": "user", "group": "group", "pid": "pidfile", "error_logfile": "errorlog"}
    names |= {"access_logfile": "accesslog", "timeout": "timeout", "worker_tmp_dir": "worker_tmp_dir"}
    names |= {"certfile": "certfile", "daemon": "daemon"}
    for source, target in names.items():
        if getattr(option, source, None):
            setattr(config, target, getattr(option, source))
    if getattr(option, "bind", None):
        config.bind = option.bind
    if getattr(option, "uds", None):
        config.bind = ["unix:" + option.uds]
    elif getattr(option, "port", None) or getattr(option, "host", None):
        config.bind = [f"{option.host or '127.0.0.1'}:{option.port or 8000}"]
    for word in getattr(option, "env", None) or []:
        name, _equals, value = word.partition("=")
        config.environment[name] = value
    # `package.module:object` is the app; a stray value of an option we do not know is not.
    apps = [word for word in option.words if re.match(r"^[\w.]+(:[\w.]+(\(.*\))?)?$", word)]
    with_object = [word for word in apps if ":" in word]
    if with_object or apps:
        config.app = (with_object or apps)[-1]


def _config_path(given: str | None, folder: str) -> str:
    path = re.sub(r"^file:", "", given or "./gunicorn.conf.py")
    return "" if path.startswith("python:") else os.path.normpath(os.path.join(folder, path))


def _apply_file(config: ServerConfig, given: str | None, folder: str) -> bool:
    """Literal assignments of a gunicorn.conf.py; values that are computed are left alone.

    Returns whether what it says of the addresses is known: not where it cannot be read, or computes them.
    """
    path = _config_path(given, folder)
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
                _apply_literal(config, name, ast.literal_eval(node.value))
            except ValueError:
                computed = computed or name == "bind"
    return not computed


def _apply_literal(config: ServerConfig, name: str, value: Any) -> None:
    if name == "bind":
        config.bind = [value] if isinstance(value, str) else [str(item) for item in value]
    elif name == "wsgi_app":
        config.app = str(value)
    elif name == "timeout" and isinstance(value, (int, float)):
        config.timeout = float(value)
    elif name == "daemon":
        config.daemon = bool(value)
    elif name in _TEXT and value is not None:
        setattr(config, name, str(value))


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
