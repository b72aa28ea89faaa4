# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an app server is configured to do, whichever server it is, and each of its settings by gunicorn's name."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

_TEXT = ("chdir", "user", "group", "pidfile", "errorlog", "accesslog", "worker_tmp_dir", "certfile")


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


def apply_all(config: ServerConfig, options: dict[str, Any]) -> None:
    """Put in the options of a command line; the server itself will refuse those whose value is of no use."""
    for name, value in options.items():
        with contextlib.suppress(ValueError, TypeError):
            if value:
                apply(config, name, value)


def apply(config: ServerConfig, name: str, value: Any) -> None:
    """Put in one setting, by gunicorn's name of it, from an option or a file's literal; others than ours are left out.

    Raises ValueError or TypeError for a value of no use.
    """
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
