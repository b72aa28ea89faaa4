# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How app servers other than gunicorn are configured: uvicorn, hypercorn, daphne and uWSGI, by their command lines.

Only what matters to us is known of their options (`uvicorn --help` and so on); all are known of gunicorn's alone.
"""

from __future__ import annotations

import importlib
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, write_access
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_options, uwsgi_emperor
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig, apply_all

_NAME = r"[^\W\d]\w*(\.[^\W\d]\w*)*"


def _parser() -> gunicorn_options.Parser:
    """Every option that is not named here is skipped by parse_known_args."""
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
    parser.add_argument("--fd")
    # Their values may look like an app's name.
    parser.add_argument("--header", "--log-config", "--logger-class", action="append", dest="looks_like_an_app")
    parser.add_argument("-w", "--workers")
    parser.add_argument("-k", "--worker-class")
    return parser


def read(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A command line of a server other than gunicorn: the options that we know, and the words that are left."""
    try:
        known, rest = _parser().parse_known_args(words)
    except ValueError:
        return {}, words
    return {name: value for name, value in vars(known).items() if value is not None}, rest


def apply(config: ServerConfig, words: list[str], environment: dict[str, str], cwd: str, only_roots: bool) -> bool:
    """Put the settings of the command line into the configuration. Never raises: what cannot be read is left as it was.

    words: after the server's own name. environment: the unit's. cwd: the working directory. only_roots: whether a
    configuration file that others than root can write is left out.
    Returns whether what they say of the addresses is known.
    """
    if config.server == "uwsgi":
        _apply_uwsgi(config, words, cwd, only_roots)
        return False
    options, rest = read(_as_uvicorn(words) if config.server == "daphne" else words)
    if config.server == "uvicorn":
        # Each of its options can be given by a variable (uvicorn.org/settings/).
        options = {**_of_uvicorn(environment), **options}
    apply_all(config, options)
    if options.get("uds"):
        config.bind = ["unix:" + options["uds"]]
    elif options.get("fd"):
        config.bind = ["fd://" + options["fd"]]
    elif options.get("port") or options.get("host"):
        config.bind = [f"{options.get('host') or '127.0.0.1'}:{options.get('port') or 8000}"]
    # They all want `package.module:object`; options that we do not know may take a word of that form too.
    apps = [word for word in rest if re.match(rf"^{_NAME}:{_NAME}(\(.*\))?$", word)]
    apps = apps or [options.get("app", "")]
    config.app = apps[0] if len(apps) == 1 else ""
    if config.server != "hypercorn" or not options.get("config") or config.bind:
        return True
    return _apply_toml(config, os.path.join(cwd, options["config"]), only_roots)


def _of_uvicorn(environment: dict[str, str]) -> dict[str, str]:
    given = {name: environment.get(f"UVICORN_{name.upper()}", "") for name in ("app", "host", "port", "uds", "fd")}
    return {name: value for name, value in given.items() if value}


def _apply_toml(config: ServerConfig, path: str, only_roots: bool) -> bool:
    """The addresses of hypercorn's configuration file. Returns whether they are known: not those of a Python file."""
    config.config_file = path
    if only_roots and write_access.on_the_way(path, 0):
        return False
    try:
        # Since Python 3.11.
        bind = importlib.import_module("tomllib").loads(safe_files.text(path)).get("bind", [])
    except (ImportError, OSError, ValueError):
        return False
    config.bind = [bind] if isinstance(bind, str) else [str(item) for item in bind]
    return True


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
        config.config_file = path
        if not only_roots or not write_access.on_the_way(path, 0):
            known += [(name, value) for name, values in uwsgi_emperor.options(path).items() for value in values]
    sockets = [value for name, value in known if name in uwsgi_emperor.SOCKETS]
    config.bind = [f"0.0.0.0{value}" if value.startswith(":") else value for value in sockets]
    spoken = (uwsgi_emperor.SOCKETS[name] for name, _value in known if name in uwsgi_emperor.SOCKETS)
    config.speaks_uwsgi = next(spoken, "") == "uwsgi"
    config.chdir = next((value for name, value in known if name == "chdir"), "")
    config.app = _uwsgi_app(known, os.path.join(cwd, config.chdir))
    homes = [value for name, value in known if name in ("virtualenv", "venv", "home", "pyhome")]
    config.virtualenv = next(iter(homes), "").rstrip("/")


def _uwsgi_app(known: list[tuple[str, str]], folder: str) -> str:
    """The app as gunicorn would name it; of a file, which uWSGI loads by its path, where that is below the folder.

    uWSGI takes the object `application` unless `callable` or the module's own name says otherwise.
    """
    last = {name: value for name, value in known if value}
    module = last.get("module") or last.get("wsgi", "")
    if not module and (file := last.get("wsgi-file") or last.get("file", "")):
        path = os.path.relpath(os.path.join(folder, file), folder)
        module = path[:-3].replace(os.sep, ".") if path.endswith(".py") else ""
    name, colon, _object = module.partition(":")
    if not re.match(rf"^{_NAME}$", name):
        return ""
    return module if colon else f"{module}:{last.get('callable', 'application')}"
