# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the app server is configured to run: read from its command line and its configuration file, never by running it.

gunicorn's own options are in gunicorn_options.py; of other servers only what matters to us is known.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_options, uwsgi_emperor

DEFAULT_BIND = "127.0.0.1:8000"
_TEXT = ("chdir", "user", "group", "pidfile", "errorlog", "accesslog", "worker_tmp_dir", "certfile")
SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi")
_NAME = r"[^\W\d]\w*(\.[^\W\d]\w*)*"


@dataclass
class ServerConfig:
    """The app server's bind and app. What nothing sets is empty, and so is an app or a bind not known."""

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
    # uWSGI's own option for the virtual environment: its program is often the system's.
    virtualenv: str = ""
    # Whether the first address is one of uWSGI's own protocol.
    speaks_uwsgi: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=list)


def _parser() -> gunicorn_options.Parser:
    """Of servers other than gunicorn: only what matters to us; every other option is skipped by parse_known_args."""
    parser = gunicorn_options.Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-b", "--bind", action="append")
    parser.add_argument("-c", "--config")
    parser.add_argument("--chdir")
    parser.add_argument("-u", "--user")
    parser.add_argument("-g", "--group")
    parser.add_argument("-p", "--pid", dest="pidfile")
    parser.add_argument("--error-logfile", "--log-file", dest="errorlog")
    parser.add_argument("--access-logfile", dest="accesslog")
    parser.add_argument("--certfile", "--ssl-certfile")
    parser.add_argument("--keyfile", "--ssl-keyfile")
    parser.add_argument("-D", "--daemon", action="store_true", default=None)
    parser.add_argument("-t", "--timeout")
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
        says_all = any(server_name([word]) for word in argv)
        _apply_other(config, words, cwd, only_roots)
    if not config.bind and says_all and config.server != "uwsgi":
        config.bind = [f"0.0.0.0:{environment['PORT']}"] if environment.get("PORT") else [DEFAULT_BIND]
    return config


def bind_rests_on(argv: list[str], environment: dict[str, str], cwd: str) -> tuple[bool, str]:
    """(whether variables that are not in `environment` may say where it listens, the configuration file that may).

    Neither where the command line itself says it: that wins.
    """
    words, is_gunicorn = _arguments(argv), server_name(argv) == "gunicorn"
    options = gunicorn_options.read(words).options if is_gunicorn else _options(words)[0]
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


def _options(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A command line of a server other than gunicorn: the options that we know, and the words that are left."""
    try:
        known, rest = _parser().parse_known_args(words)
    except ValueError:
        return {}, words
    return {name: value for name, value in vars(known).items() if value is not None}, rest


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
    _apply_all(config, options)
    if given.app or given.doubtful:
        config.app = given.app
    for word in options.get("raw_env", []):
        name, _equals, value = word.partition("=")
        config.environment[name] = value
    return says_all


def _apply_other(config: ServerConfig, words: list[str], cwd: str, only_roots: bool) -> None:
    """The settings on the command line of another server than gunicorn."""
    if config.server == "uwsgi":
        _apply_uwsgi(config, words, cwd, only_roots)
        return
    options, rest = _options(_as_uvicorn(words) if config.server == "daphne" else words)
    _apply_all(config, options)
    if options.get("uds"):
        config.bind = ["unix:" + options["uds"]]
    elif options.get("port") or options.get("host"):
        config.bind = [f"{options.get('host') or '127.0.0.1'}:{options.get('port') or 8000}"]
    # They all want `package.module:object`; options that we do not know may take a word of that form too.
    apps = [word for word in rest if re.match(rf"^{_NAME}:{_NAME}(\(.*\))?$", word)]
    config.app = apps[0] if len(apps) == 1 else ""


# daphne's short options, by what uvicorn calls the same (daphne --help); with others they mean something else.
_DAPHNE = {"-b": "--host", "--bind": "--host", "-p": "--port", "-u": "--uds", "--unix-socket": "--uds"}


def _as_uvicorn(words: list[str]) -> list[str]:
    """daphne's command line with its options by uvicorn's names; an endpoint of Twisted's as host and port, or path."""
    found: list[str] = []
    for before, word in zip(["", *words], words):
        name, equals, value = word.partition("=")
        if before in ("-e", "--endpoint") or name == "--endpoint":
            endpoint = value if name == "--endpoint" else word
            port, host = re.search(r"(?:port=|^tcp:)(\d+)", endpoint), re.search(r"interface=([^:]+)", endpoint)
            found += ["--port", port.group(1)] if port else ["--uds", endpoint.removeprefix("unix:")]
            found += ["--host", host.group(1)] if host else ["--host", "0.0.0.0"] if port else []
        elif word not in ("-e", "--endpoint"):
            found.append(_DAPHNE.get(name, name) + equals + value if word.startswith("--") else _DAPHNE.get(word, word))
    return found


_UWSGI = {"-s": "socket", "-w": "module", "-H": "home"}


def _apply_uwsgi(config: ServerConfig, words: list[str], cwd: str, only_roots: bool) -> None:
    """uWSGI's settings, of its command line and the file that this names. An address that nothing names is unknown."""
    pairs = list(zip(words, [*words[1:], ""]))
    known = [(word.lstrip("-"), value) for word, value in pairs if word.startswith("--") and "=" not in word]
    known += [(word.lstrip("-").partition("=")[0], word.partition("=")[2]) for word in words if "=" in word]
    known += [(_UWSGI[word], value) for word, value in pairs if word in _UWSGI]
    files = [value for name, value in known if name in ("ini", "yaml")]
    files += [word for word in words if word.endswith(".ini")]
    for path in dict.fromkeys(os.path.join(cwd, file) for file in files):
        if not only_roots or not write_access.on_the_way(path, 0):
            known += [(name, value) for name, values in uwsgi_emperor.options(path).items() for value in values]
    sockets = [value for name, value in known if name in uwsgi_emperor.SOCKETS]
    config.bind = [f"0.0.0.0{value}" if value.startswith(":") else value for value in sockets]
    spoken = (uwsgi_emperor.SOCKETS[name] for name, _value in known if name in uwsgi_emperor.SOCKETS)
    config.speaks_uwsgi = next(spoken, "") == "uwsgi"
    config.app = next((value for name, value in known if name in ("module", "wsgi") and ":" in value), "")
    config.chdir = next((value for name, value in known if name == "chdir"), "")
    homes = [value for name, value in known if name in ("virtualenv", "venv", "home", "pyhome")]
    config.virtualenv = next(iter(homes), "").rstrip("/")


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
                _apply(config, name, ast.literal_eval(node.value))
            except (ValueError, TypeError):
                computed = computed or name == "bind"
                config.app = "" if name == "wsgi_app" else config.app
    return not computed


def _apply_all(config: ServerConfig, options: dict[str, Any]) -> None:
    """Options of a command line; the server itself will refuse those whose value is of no use."""
    for name, value in options.items():
        with contextlib.suppress(ValueError, TypeError):
            if value:
                _apply(config, name, value)


def _apply(config: ServerConfig, name: str, value: Any) -> None:
    """One of gunicorn's settings, from an option or a file's literal. ValueError or TypeError for a useless value."""
    if name == "bind":
        config.bind = [value] if isinstance(value, str) else [str(item) for item in value]
    elif name == "wsgi_app":
        config.app = str(value)
    elif name == "timeout":
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
