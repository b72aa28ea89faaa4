"""Run one of the collection's playbooks through ansible-runner and gather the incidents that it wrote."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import ansible_runner
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import own_path
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.run import ansible_version
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import new_id
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import is_good
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean, clean_tree

OK, WRONG_USE, BROKEN, NEEDS_APPROVAL, UNREACHABLE, LOCKED, DEGRADED, CANCELLED = 0, 1, 2, 3, 4, 5, 6, 130
EXIT_CODES = {
    "healthy": OK,
    "recovered": OK,
    "degraded": DEGRADED,
    "needs-approval": NEEDS_APPROVAL,
    "needs-human": BROKEN,
    "failed": BROKEN,
    "harmed": BROKEN,
    "unreachable": UNREACHABLE,
    "locked": LOCKED,
}
# Of several hosts the one that needs help first decides.
WORST_FIRST = (WRONG_USE, BROKEN, UNREACHABLE, LOCKED, NEEDS_APPROVAL, DEGRADED, OK)
# ansible-runner turns host key checking and pipelining off where they are not set; the user's own environment wins.
SETTINGS = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_GATHERING": "explicit", "ANSIBLE_HOST_KEY_CHECKING": "true"}
# What ssh asks on a terminal (an unknown host key, a passphrase) nobody would see: it is refused, and does not hang.
NO_PROMPTS = {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
# The tasks whose results a command prints: each has lines for a person in `report`.
REPORTING = (
    "rescue502.django.undo",
    "rescue502.django.pause",
    "rescue502.django.kept_reports",
    "rescue502.django.watch",
)
Watch = Callable[[dict[str, Any]], None]


class RunError(Exception):
    """Ansible could not begin; the text says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Request:
    """The playbook to run, and its hosts. An empty inventory leaves the choice to ansible.cfg."""

    playbook: str
    inventory: tuple[str, ...] = ()
    limit: str = ""
    check: bool = False
    ask_become_pass: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    reports: Path = Path("reports")
    verbosity: int = 0


@dataclass(frozen=True)
class Finished:
    """A run's end: Ansible's return code and status, the incidents of its hosts, and what Ansible complained of."""

    incident: str
    returncode: int
    status: str
    incidents: list[Record]
    folder: Path
    complaint: str
    # What the tasks of REPORTING have returned.
    returned: list[dict[str, Any]] = field(default_factory=list)

    def exit_code(self) -> int:
        """The runner's exit code, as README.md lists them."""
        if self.status == "canceled":
            return CANCELLED
        codes = {outcome_code(incident) for incident in self.incidents}
        if not codes:
            codes = {{0: OK, 2: BROKEN, 4: UNREACHABLE}.get(self.returncode, WRONG_USE)}
        return next(code for code in WORST_FIRST if code in codes)


def outcome_code(incident: Record) -> int:
    """One host's exit code. A plan is as good as the edge that it was made for."""
    if incident.get("outcome") == "planned":
        return OK if is_good(incident) else BROKEN
    if incident.get("outcome") == "locked" and is_good(incident):
        return DEGRADED
    return EXIT_CODES.get(str(incident.get("outcome")), WRONG_USE)


def collection_root() -> Path:
    """The folder of the collection: the checkout, or where the wheel put it."""
    return own_path().parent


def run(request: Request, watch: Watch) -> Finished:
    """Run the playbook to its end. watch is called with each of ansible-runner's events.

    Raises RunError where the controller is too old, the playbook does not exist, or Ansible ended before it reached
    a host.
    """
    if complaint := ansible_version.complaint():
        raise RunError(complaint)
    playbook = collection_root() / "playbooks" / f"{request.playbook}.yml"
    if not playbook.is_file():
        raise RunError(f"there is no playbook {playbook}")
    incident = new_id()
    reports = request.reports.expanduser().resolve()
    complaints: list[str] = []
    returned: list[dict[str, Any]] = []

    def handle(event: dict[str, Any]) -> bool:
        complaints.extend(_complaints(event))
        returned.extend(_returned(event))
        watch(event)
        return True

    with tempfile.TemporaryDirectory(prefix="rescue502-") as folder:
        passwords = {} if request.ask_become_pass is None else {r"BECOME password.*:\s*?$": request.ask_become_pass}
        runner = ansible_runner.run(
            private_data_dir=folder,
            project_dir=str(collection_root()),
            playbook=str(playbook),
            cmdline=_command_line(request),
            extravars={**request.variables, "rescue502_incident": incident, "rescue502_reports": str(reports)},
            envvars=_environment(),
            passwords=passwords,
            verbosity=request.verbosity or None,
            quiet=True,
            event_handler=handle,
        )
        status, returncode = str(runner.status), int(runner.rc or 0)
    incidents = load_incidents(reports / incident)
    # Where a task said what there was to do, a play without hosts is one with nothing to do.
    said = [line for line in complaints if not (returned and line.startswith("skipping"))]
    complaint = "\n".join(said[:6])
    finished = Finished(incident, returncode, status, incidents, reports / incident, complaint, returned)
    # A run that touched no host has written no incident; only a bundle or a deployment writes none by nature.
    if not incidents and not returned and (returncode not in (0, 2, 4) or "no hosts matched" in finished.complaint):
        raise RunError(_first_words(finished))
    return finished


def _command_line(request: Request) -> str:
    words = [word for source in request.inventory for word in ("--inventory", _absolute(source))]
    words += ["--limit", request.limit] if request.limit else []
    words += ["--check", "--diff"] if request.check else []
    words += ["--ask-become-pass"] if request.ask_become_pass is not None else []
    return shlex.join(words)


def _absolute(source: str) -> str:
    """Inventories are named relative to where the user is; `host,` lists are not files."""
    path = Path(source).expanduser()
    if source.endswith(",") or "," in source:
        return source
    if not path.exists():
        raise RunError(f"there is no inventory {source}")
    return str(path.resolve())


def _environment() -> dict[str, str]:
    """Ansible's environment: our programs first on PATH, the checkout's ansible.cfg, the user's own settings above."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {"PATH": path} | SETTINGS
    if "SSH_ASKPASS_REQUIRE" not in os.environ:
        environment |= NO_PROMPTS
    config = collection_root() / "ansible.cfg"
    if config.is_file():
        environment["ANSIBLE_CONFIG"] = str(config)
    environment.update({name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")})
    # The events carry the output; colours in it would only have to be taken out again.
    return environment | {"ANSIBLE_NOCOLOR": "1"}


_NOISE = re.compile(r"^\[(DEPRECATION )?WARNING\]: (Collection|Platform|provided hosts)")
_COMPLAINT = re.compile(r"^\s*(ERROR!|\[ERROR\]:|\[WARNING\]:|skipping: no hosts matched)")


def _complaints(event: dict[str, Any]) -> list[str]:
    """Lines in which Ansible itself complains: these, and no others, explain a run that never began."""
    lines = clean(str(event.get("stdout") or ""), 20000).splitlines()
    return [line.strip() for line in lines if _COMPLAINT.match(line) and not _NOISE.match(line)]


def _returned(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The result of a task of REPORTING, where this is the event of its end."""
    data = event.get("event_data") or {}
    result = data.get("res") or {}
    return [clean_tree(result)] if data.get("task_action") in REPORTING and "report" in result else []


def _first_words(finished: Finished) -> str:
    """The reason in one line, then what Ansible said of it."""
    if "Unable to parse" in finished.complaint:
        return "the inventory could not be read. Nothing was changed.\n" + finished.complaint
    if "no hosts matched" in finished.complaint or "match supplied host pattern" in finished.complaint:
        return "no host of the inventory was matched: check -i and --limit. Nothing was changed.\n" + finished.complaint
    why = finished.complaint or f"ansible-playbook ended with {finished.returncode} ({finished.status})"
    return f"{why}\nNothing was changed. `-v` shows all that Ansible says."


def load_incidents(folder: Path) -> list[Record]:
    """The incidents in a folder, by host; files that are no incident are passed over."""
    incidents: list[Record] = []
    for path in sorted(folder.glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, dict) and "outcome" in data:
            incidents.append(cast(Record, data))
    return incidents
