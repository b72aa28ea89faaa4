# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Of apps that another program than systemd keeps, where the edge is not well: what each answers, and said last."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import backend
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    containers,
    last_words,
    supervisor,
    uwsgi_emperor,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack import other_managers
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import http_client, journal, uwsgi_client

# A person has ended these: what they said before is no reason.
_ENDED_BY_A_PERSON = ("STOPPED", *(f"exited, ended with status {status}" for status in (0, 137, 143)))


def collect(stack: Stack, timeout: float) -> list[dict[str, Any]]:
    """The apps of stack.other_managers, each with `status`, `asked`, `serves` and `said`. timeout is in seconds."""
    apps = stack.other_managers
    dialled = sorted({address for item in stack.locations for address in item["addresses"]})
    with ThreadPoolExecutor(max_workers=max(1, len(apps))) as pool:
        return list(pool.map(lambda app: {**app, **_looked_at(stack, app, dialled, timeout)}, apps))


def _looked_at(stack: Stack, app: dict[str, Any], dialled: list[str], timeout: float) -> dict[str, Any]:
    places = other_managers.places(app)
    asked_at = [address for address in dialled if any(same_address(address, place) for place in places)]
    spoken = uwsgi_emperor.facts(app["config"])["protocol"] if app["manager"] == "uwsgi-emperor" else ""
    sent = sorted({item["protocol"] for item in stack.locations if set(asked_at) & set(item["addresses"])})
    status = _status(stack, places[0], spoken or (sent or ["http"])[0], timeout) if app["pid"] and places else 0
    unreached = app["unreached"]
    if spoken and sent and spoken not in sent:
        unreached = f"it speaks the protocol {spoken} there, and nginx {' and '.join(sent)}"
    answers = 0 < status < 500 and not unreached
    return {
        "status": status,
        "asked": bool(asked_at),
        "serves": bool(asked_at) and answers,
        "unreached": unreached,
        "said": "" if answers else last_words.error_in(_log(app)),
    }


def _status(stack: Stack, place: dict[str, Any], protocol: str, timeout: float) -> int:
    """What the app answers at its own address, as nginx would ask it; 0 where it does not answer so."""
    name = backend.public_name(stack)
    if protocol == "uwsgi":
        return uwsgi_client.status(place, "/", name or "localhost", timeout)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(place["host"], place["host"] or "localhost")
    url = f"http://{host}:{place['port']}/" if place["kind"] == "tcp" else "http://localhost/"
    unix_path = place["path"] if place["kind"] == "unix" else ""
    return int(http_client.ask(url, host=name, timeout=timeout, unix_path=unix_path)["status"])


def _log(app: dict[str, Any]) -> str:
    """The end of what the app's manager has kept of its words since it last began; empty where that is not known."""
    manager, name = app["manager"], app["name"]
    if app["state"].startswith(_ENDED_BY_A_PERSON):
        return ""
    if manager == "supervisor" and app["config"]:
        return supervisor.tail(app["config"], name)
    if manager in ("docker", "podman") and not app["account"]:
        box = next((item for item in containers.find() if (item["engine"], item["name"]) == (manager, name)), None)
        return containers.log(box) if box else ""
    if manager == "systemd-user":
        return _of_user_unit(name)
    if manager == "uwsgi-emperor" and app["unit"] and app["kept"]:
        return _of_vassal(app)
    return ""


def _of_user_unit(name: str) -> str:
    """What a user's unit said at its last start, where its manager says that this has failed."""
    failed = any("Failed with result" in item.message for item in journal.entries(f"USER_UNIT={name}", lines=5))
    return parse_last_start(journal.entries(f"_SYSTEMD_USER_UNIT={name}", lines=80)) if failed else ""


def parse_last_start(found: list[journal.Entry]) -> str:
    """What a unit said since the start that its newest entry, the last, belongs to."""
    return "\n".join(item.message for item in found if item.invocation == found[-1].invocation)


def _of_vassal(app: dict[str, Any]) -> str:
    """What a vassal said at its last start. Of several in one log, only one that runs is known."""
    others = len(uwsgi_emperor.vassals([os.path.dirname(app["config"])])) > 1
    return parse_vassal(journal.entries("-u", app["unit"], lines=150), app["name"], str(app["pid"]) if others else "")


def parse_vassal(found: list[journal.Entry], name: str, pid: str) -> str:
    """What a vassal said since it last read its file `name`, of its Emperor's journal.

    pid: whose entries alone count; empty where all do.
    """
    text = "\n".join(item.message for item in found if pid in ("", item.pid))
    return text.rpartition(f" configuration from {name}")[2]
