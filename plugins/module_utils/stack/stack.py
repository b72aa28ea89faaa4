# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stack: what was discovered of the app on one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import (
    installed_packages,
    requirements_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.nginx_config import Directive
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig
from ansible_collections.rescue502.django.plugins.module_utils.stack import roots_word
from ansible_collections.rescue502.django.plugins.module_utils.system import unread


@dataclass
class Stack:
    """The app on one host, as discovery.py finds it.

    `environment` and `credentials` hold secrets and never leave the host; public() leaves them out.
    """

    unit: str
    properties: dict[str, str]
    environment: dict[str, str]
    # Of the former what the unit itself gives; a script may make more at each start.
    unit_environment: dict[str, str]
    environment_problems: list[str]
    server: ServerConfig
    # Of the former what root's own files say: it alone decides what root does.
    word: roots_word.RootsWord
    cwd: str
    root: str
    manage_py: str
    # Empty where it is not known; python, the interpreter that the app runs in, is known all the same.
    venv: str
    python: str
    user: str
    group: str
    env_files: list[str]
    bind: list[dict[str, Any]]
    settings_module: str
    database_unit: str
    health_url: str
    nginx_config: str
    # nginx's configuration as it was read; None where there is none, or its main file cannot be read.
    nginx_root: Directive | None = None
    nginx_files: list[str] = field(default_factory=list)
    locations: list[dict[str, Any]] = field(default_factory=list)
    # Those of them that are this app's whatever it says of itself.
    roots_locations: list[dict[str, Any]] = field(default_factory=list)
    static_locations: list[dict[str, str]] = field(default_factory=list)
    nginx_user: str = ""
    # Where nginx as a whole writes what it could not do; empty where its configuration does not say.
    nginx_error_log: str = ""
    nginx_folders: list[str] = field(default_factory=list)
    behind_nginx: bool = False
    all_locations: list[dict[str, Any]] = field(default_factory=list)
    # The file of requirements that the user says is in use; empty where nobody said.
    requirements_given: str = ""
    credentials: dict[str, bytes] = field(default_factory=dict)
    credentials_missing: list[str] = field(default_factory=list)
    # What the account that looks may not read of the above; all of it is empty for root.
    environment_unread: list[unread.Unread] = field(default_factory=list)
    nginx_unread: list[unread.Unread] = field(default_factory=list)
    # Why `bind` is empty where what says it may not be read.
    bind_bar: str = ""
    # What starts the app where no unit of systemd's does (other_managers.py); `unit` is empty then.
    other_managers: list[dict[str, Any]] = field(default_factory=list)
    # Whether the user, or the unit's own order, says that the app's database is the one that runs on this host.
    database_is_here: bool = False

    def public(self) -> dict[str, Any]:
        """The facts that may be shown, and that the remedies take as their variables."""
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
        }

    @cached_property
    def requirements(self) -> requirements_files.Choice:
        """The file of requirements in use, and all others. Up to 30 files are read for it, so only a deep look asks."""
        installed = installed_packages.versions(self.venv)
        return requirements_files.choose(self.root, installed, given=self.requirements_given)
