# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root's own files say of an app: its unit, its command line, nginx's configuration.

The app's user can write the rest (gunicorn's configuration, environment files, Django's settings). That informs a
diagnosis, and decides nothing: not as whom something runs, nor where root makes, removes or reads anything.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import write_access
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_units

WORKER_FILE = "wgunicorn-"


@dataclass(frozen=True)
class RootsWord:
    """cwd: where the server works. server: its configuration, as far as nobody but root can write it.

    activated: sockets that systemd makes for the app.
    """

    cwd: str
    server: ServerConfig
    activated: tuple[str, ...] = ()

    def paths(self) -> list[str]:
        """Absolute paths of the sockets, the pid file, the logs and the workers' own files that are named."""
        binds = [bind["path"] for bind in map(gunicorn_config.parse_bind, self.server.bind) if bind["kind"] == "unix"]
        # Each worker has a file of that name, and more, in its folder (gunicorn's workertmp.py).
        worker = os.path.join(self.server.worker_tmp_dir, WORKER_FILE) if self.server.worker_tmp_dir else ""
        named = [*self.activated, *binds, self.server.pidfile, self.server.errorlog, self.server.accesslog, worker]
        return [os.path.normpath(os.path.join(self.cwd, path)) for path in named if path not in ("", "-")]

    def names_address(self, address: str) -> bool:
        """Whether the server is to listen at an address of nginx's."""
        return any(same_address(address, gunicorn_config.parse_bind(bind)) for bind in self.server.bind)


def read(properties: dict[str, str], argv: list[str], activated: tuple[str, ...] = ()) -> RootsWord:
    """What the unit says. properties: from systemd.show(). argv: the server's command line, as the unit has it.

    activated: paths of sockets that systemd makes for it.
    """
    environment = app_units.roots_environment(properties)
    cwd = app_units.working_directory(properties, environment)
    server = gunicorn_config.parse(argv, environment, cwd, only_roots=True)
    return RootsWord(os.path.normpath(os.path.join(cwd, server.chdir)), server, activated)


def user(properties: dict[str, str], server: ServerConfig) -> str:
    """As whom the app runs. A gunicorn that systemd starts as somebody else than root stays that; root may change."""
    starts_as = properties.get("User") or "root"
    return (server.user or starts_as) if starts_as in ("root", "0") else starts_as


def group(properties: dict[str, str], server: ServerConfig, account: str) -> str:
    """As which group the app runs; that of the account where nothing says it, empty where there is none."""
    is_root = (properties.get("User") or "root") in ("root", "0")
    return (server.group if is_root else "") or properties.get("Group") or _primary_group(account)


def _primary_group(account: str) -> str:
    try:
        entry = pwd.getpwuid(int(account)) if account.isdigit() else pwd.getpwnam(account)
        return grp.getgrgid(entry.pw_gid).gr_name
    except KeyError:
        return ""


def locations(
    found: list[dict[str, Any]], proxied: list[dict[str, Any]], names: set[str], word: RootsWord
) -> list[Any]:
    """Those of the app's locations in nginx that are the app's by root's word, and not because it says so itself.

    found: the app's, which may be known by the address that it listens at. proxied: all on this host. names: under
    which the user has the edge asked.
    """
    one_site = len({tuple(item["server_names"]) for item in proxied}) == 1
    return [
        item
        for item in found
        if (one_site or names.intersection(item["server_names"]) or any(map(word.names_address, item["addresses"])))
        and not write_access.on_the_way(item["file"], 0)
    ]


def owns(path: str, account: str) -> bool:
    """Whether a file or folder, links not followed, belongs to an account that is not root."""
    try:
        entry = pwd.getpwuid(int(account)) if account.isdigit() else pwd.getpwnam(account)
        return os.lstat(path).st_uid == entry.pw_uid != 0
    except (KeyError, OSError):
        return False
