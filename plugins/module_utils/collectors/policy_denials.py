# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What SELinux or AppArmor refused this app, its nginx or its database; refusals of others on the host are left out."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import access_policy, systemd

APP_SERVERS = ("gunicorn", "uvicorn", "daphne", "hypercorn", "uwsgi")
RUNS = ("active", "activating", "reloading")


def collect(stack: Stack, evidence: dict[str, Any]) -> Any:
    """The refusals of access_policy.denials(), `of` app, nginx or database; None where no policy is in force.

    evidence: what the quick look found.
    """
    pids = {item["pid"] for item in evidence["service"].get("processes", [])}
    pids.add(systemd.number(stack.properties.get("ExecMainPID", "")))
    base = evidence.get("database") or {}
    database_is_down = base.get("local") is True and not base.get("listening")
    binds = [gunicorn_config.parse_bind(each) for item in stack.locations for each in item["addresses"]]
    ports = {bind["port"] for bind in binds if bind["kind"] == "tcp"}
    sockets = {bind["path"] for bind in binds if bind["kind"] == "unix"}
    folders = {stack.root, *(item["folder"] for item in stack.static_locations)} - {"", "/"}

    def whose(item: dict[str, Any]) -> str:
        """A line tells who was refused what, and not for which site: of nginx that counts which is this app's."""
        if item["pid"] in pids:
            return "app"
        # Of an app that has ended, its processes are not known any more.
        if item["program"] in APP_SERVERS and stack.properties.get("ActiveState") not in RUNS:
            return "app"
        if item["program"] == "nginx":
            # SELinux often has no more than the last part of a path.
            near = item["port"] in ports or item["target"] in sockets | {os.path.basename(path) for path in sockets}
            below = any(item["target"].startswith(os.path.join(folder, "")) for folder in folders)
            return "nginx" if (item["target"] and below) or near else ""
        return "database" if item["program"] in ("postgres", "pg_ctl") and database_is_down else ""

    return access_policy.denials(whose)
