# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The probe: the edge first; where all is well it stops there, else every collector looks, side by side."""

from __future__ import annotations

import datetime
import os
import platform
import re
import time
from collections.abc import Iterable
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline
from ansible_collections.rescue502.django.plugins.module_utils.collectors import (
    edge,
)
from ansible_collections.rescue502.django.plugins.module_utils.probe import stages
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.stack import written_variables
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import unread

SCHEMA = 1
_WEB_ADDRESS = re.compile(r"https?://[^/\s]+(/\S*)?$")


def probe(given: dict[str, Any]) -> dict[str, Any]:
    """Look at one app and return the evidence, redacted.

    given: the module's parameters. level `stack` only discovers, `auto` stops at a healthy edge, `full` never does.
    Raises StackError and systemd.SystemdError where there is nothing to look at; a collector never raises.
    """
    begun = time.monotonic()
    started = datetime.datetime.now(datetime.timezone.utc)
    stack = discover(given)
    evidence: dict[str, Any] = {"schema": SCHEMA, "stack": stack.public()}
    because: list[str] = []
    remembered = ""
    if given["remember"]:
        # Of a run that may change things: a host on which all is well again would not be tidied up otherwise.
        leftovers.clear()
    if given["level"] != "stack":
        require_edge(stack, given)
        found, because = stages.look(stack, given) if stack.unit else stages.look_at_edge(stack, given)
        evidence.update(found)
        if (
            stack.unit
            and "rehearsal" not in found
            and given["remember"]
            and found.get("hold", {"well": True}).get("well")
        ):
            remembered = baseline.remember(stack, given["remember"], rehearsed=False)
    lacking = [*unread.take_out(evidence), *_denied_sections(evidence)]
    evidence["probe"] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - begun, 3),
        "level": "full" if "rehearsal" in evidence else given["level"],
        "deeper_because": because,
        "remembered": remembered,
        "python": platform.python_version(),
        "root": os.geteuid() == 0,
        "account": unread.account(),
        "unread": lacking,
    }
    return redacted(stack, evidence)


def _denied_sections(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Sections whose collector ended because this account may not look at something that it had not expected."""
    failed = {
        name: str(part["failed"]) for name, part in evidence.items() if isinstance(part, dict) and "failed" in part
    }
    denied = {name: why for name, why in failed.items() if why.startswith(PermissionError.__name__)}
    return [{"what": f"all that concerns: {name}", "why": why, "facts": [name]} for name, why in denied.items()]


def redacted(stack: Stack, evidence: dict[str, Any]) -> dict[str, Any]:
    """The evidence without the app's secrets; names that anyone may see stay whole."""
    cleaned: dict[str, Any] = redactor(stack, _variables(evidence)).tree(evidence)
    return cleaned


def _variables(part: Any) -> set[str]:
    """The names of variables that were asked for in vain, or whose lines are ignored, anywhere in the evidence."""
    if isinstance(part, list):
        return {name for item in part for name in _variables(item)}
    if not isinstance(part, dict):
        return set()
    own = {part.get("env_key"), part.get("env_value"), *part.get("env_keys", [])}
    for lines in (part.get("ignored"), part.get("written")):
        own |= {item["name"] for item in lines if isinstance(item, dict)} if isinstance(lines, list) else set()
    return {name for name in own if name} | {name for item in part.values() for name in _variables(item)}


def redactor(stack: Stack, names: Iterable[str] = ()) -> Redactor:
    """A redactor for this app's secrets: those of its unit, of its own files, and of nginx's configuration.

    names: of variables besides the unit's own; such names stay whole.
    """
    sites = [name for item in stack.all_locations for name in item["server_names"]]
    public = (stack.unit, stack.root, stack.venv, stack.user, stack.group, stack.cwd, stack.server.app, *sites)
    own = app_secrets.of_app(stack.root, stack.cwd, stack.settings_module, stack.env_files)
    more = [*own, *app_secrets.of_nginx(stack.nginx_files), *written_variables.pairs(stack)]
    return Redactor(
        stack.environment, public, stack.credentials, more, {*stack.environment, *stack.credentials, *names}
    )


def require_edge(stack: Stack, given: dict[str, Any]) -> None:
    """StackError where there is no edge to prove anything by: neither nginx nor checks, or one of no web address."""
    wanted = [("rescue502_edge", item["url"]) for item in given.get("edge") or []]
    wanted += [("rescue502_health_url", given["health_url"])] if given.get("health_url") else []
    for name, url in wanted:
        if not _WEB_ADDRESS.match(url):
            raise StackError(f"{name}: '{url}' is not a valid address (http:// or https://). Nothing was changed.")
    if stack.nginx_unread and not stack.locations and not given.get("edge"):
        lacking = stack.nginx_unread[0]
        raise StackError(
            f"{lacking.what} cannot be read ({lacking.why}), so that it is not known what must answer: "
            "set rescue502_edge, or `become: true`. Nothing was changed."
        )
    if not stack.nginx_config and not given.get("edge") and not edge.front_ports():
        raise StackError(
            "no nginx configuration on this host, and nobody listens on port 80 or 443: set rescue502_edge to the "
            "addresses that must answer. Nothing was changed."
        )
