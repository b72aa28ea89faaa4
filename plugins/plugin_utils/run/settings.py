# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The user's settings: the `rescue502_*` variables of a host, read and checked in one place."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import own_path
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import approvals
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.approvals import Approval, Scope
from ansible_collections.rescue502.django.plugins.plugin_utils.report import awx_job
from ansible_collections.rescue502.django.plugins.plugin_utils.run import ansible_version, maintenance, verdict
from ansible_collections.rescue502.django.plugins.plugin_utils.run.brake import Brake
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import new_id
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean, file_name

# Ansible loads action plugins before it forks, so all hosts and tasks of one run share this.
RUN_ID = new_id()
BEGUN = datetime.now(timezone.utc)
PREFIX = "rescue502_"
# What the probe takes as it is.
PROBE_SETTINGS = (
    "unit", "root", "venv", "user", "group", "env_file", "requirements", "health_url", "health_json", "edge",
    "cors_origin", "database_unit", "edge_timeout", "shadow_start",
)  # fmt: skip


class SettingsError(Exception):
    """A setting cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Settings:
    """Settings of one host for one run."""

    probe: dict[str, Any]
    approvals: list[Approval]
    scope: Scope
    reports: Path
    # Whether they are there when the run has ended: a job's own folder goes with AWX's container.
    keeps_reports: bool
    incident: str
    hold_seconds: float
    settle_seconds: float
    # For how long a run may begin another remedy, in seconds.
    deadline: float
    # How often a remedy may be tried for the same cause, and within how many seconds.
    budget: int
    budget_window: float
    # For how many seconds others at work on the app, such as a deployment, are waited for.
    others_patience: float
    level: str
    # Whether the edge is asked from the controller too.
    edge_from_controller: bool
    failure_paths: list[Path]
    # The inventory's maintenance window that was open when the run began, as a pause; empty where none was.
    maintenance: dict[str, Any]
    # Which outcomes make the play fail.
    fail_on: list[str]
    # From how many hosts with the same cause on a few are repaired before the others.
    brake: Brake
    # Which slice of a sliced AWX job this run is, in words; empty where it is whole.
    slice_words: str
    # Which job of AWX's this run is, report/awx_job.py; empty of any other run.
    awx: dict[str, str]
    # Who is notified, and where reports are sent, as the user wrote it: a mistake there must not keep a site down. Both
    # may hold secrets.
    notify: Any = field(default=None, repr=False)
    report_to: Any = field(default=None, repr=False)
    # Where people find a report, with {incident} and {host} in it; the file on the controller where it is empty.
    report_link: str = ""

    def approved(self, known: Collection[str]) -> list[str]:
        """Ids that are approved on this host. known: all that can be. Raises SettingsError: a doubt must not pass."""
        try:
            return approvals.approved_here(self.approvals, known, self.scope)
        except approvals.ApprovalError as error:
            raise SettingsError(str(error)) from error

    def host_to_name(self, hosts: int = 1) -> str:
        """The host that an approval must name, where the run has others too; else empty.

        hosts: how many the run has, where this play is for some of them.
        """
        return self.scope.host if hosts > 1 or self.scope.is_of_many else ""


def read(variables: dict[str, Any], templar: Any, for_run: Collection[str] = ()) -> Settings:
    """The settings of a host.

    variables: its Ansible variables; templar: renders those that refer to others; for_run: names of those that were
    given for the whole run (-e).

    SettingsError where ansible-core is too old, where a value cannot be used, or where the host itself has returned
    settings as facts: Ansible would prefer those to the inventory's, and a host must not choose where its report is
    written, or what is approved.
    """
    if complaint := ansible_version.complaint():
        raise SettingsError(complaint)
    facts = variables.get("ansible_facts") or {}
    forged = sorted(str(name) for name in facts if str(name).startswith(PREFIX))
    if forged:
        raise SettingsError(
            f"the host returned settings of ours as facts ({clean(', '.join(forged), 200)}): do not trust it"
        )

    def given(name: str, default: Any = None) -> Any:
        value = variables.get(PREFIX + name)
        return default if value is None else templar.template(value)

    slices, number = _slice(variables)
    probe = {name: value for name in PROBE_SETTINGS if (value := given(name)) is not None}
    _require_origin_of_preflights(probe)
    own = [own_path()]
    extra = given("failures_path", [])
    return Settings(
        probe=probe,
        approvals=_approvals(given("approve")),
        scope=Scope(
            host=variables["inventory_hostname"],
            inventory=variables.get("groups", {}).get("all", ()),
            run=variables.get("ansible_play_hosts_all", ()),
            now=datetime.now(timezone.utc),
            for_run=PREFIX + "approve" in for_run,
            slices=slices,
        ),
        reports=_absolute(given("reports", "reports")),
        keeps_reports=not awx_job.read(variables) or given("reports") is not None,
        # The name of its folder from the start: it is also a mark in the target's environment.
        incident=file_name(str(given("incident", "") or RUN_ID)),
        hold_seconds=_number("hold_seconds", given("hold_seconds", 5)),
        settle_seconds=_number("settle_seconds", given("settle_seconds", 20)),
        deadline=_number("deadline", given("deadline", 300)),
        budget=int(_number("budget", given("budget", 3), "a number of tries")),
        budget_window=_number("budget_window", given("budget_window", 3600)),
        others_patience=_number("others_patience", given("others_patience", 60)),
        level=str(given("level", "auto")),
        edge_from_controller=_yes_or_no("edge_from_controller", given("edge_from_controller", True)),
        failure_paths=own + [_absolute(item) for item in ([extra] if isinstance(extra, str) else extra) if item],
        maintenance=_window(given("maintenance")),
        fail_on=_words("fail_on", given("fail_on", list(verdict.FAIL_ON)), verdict.OUTCOMES),
        brake=_brake(given("max_broken", "30%"), given("canary", 1)),
        notify=given("notify"),
        report_to=given("report_to"),
        report_link=str(given("report_link", "")),
        slice_words=f"Slice {number} of {slices}: what follows is of its hosts alone." if slices > 1 else "",
        awx=awx_job.read(variables),
    )


def read_or_fail(variables: dict[str, Any], templar: Any, for_run: Collection[str] = ()) -> Settings:
    """The same as read(), for a task that has nothing else to say of settings that cannot be used: it fails."""
    try:
        return read(variables, templar, for_run)
    except SettingsError as error:
        raise AnsibleActionFail(f"{error}. Nothing was changed.") from error


def _require_origin_of_preflights(probe: dict[str, Any]) -> None:
    given = probe.get("edge")
    checks = given if isinstance(given, list) else []
    if not probe.get("cors_origin") and any(isinstance(item, dict) and item.get("preflight") for item in checks):
        raise SettingsError("rescue502_edge: a preflight is asked by the front end: set rescue502_cors_origin too")


def _approvals(given: Any) -> list[Approval]:
    try:
        return approvals.parse(given)
    except approvals.ApprovalError as error:
        raise SettingsError(str(error)) from error


def _window(given: Any) -> dict[str, Any]:
    try:
        return maintenance.open_now(given, BEGUN)
    except maintenance.MaintenanceError as error:
        raise SettingsError(f"rescue502_maintenance: {error}") from error


def _absolute(path: Any) -> Path:
    """From the folder that Ansible was started in."""
    return Path(os.path.abspath(os.path.expanduser(str(path))))


def _words(name: str, value: Any, known: Collection[str]) -> list[str]:
    """One of the words, or a list of some; an empty list is none."""
    words = value if isinstance(value, list) else [value]
    for word in words:
        if word not in known:
            raise SettingsError(f"rescue502_{name}: '{word}' is not one of: {', '.join(known)}")
    return words


def _slice(variables: dict[str, Any]) -> tuple[int, int]:
    """(how many slices, which one) of a sliced AWX job; (1, 1) of any other run."""
    found = {
        word: str(variables.get(f"{prefix}_job_slice_{word}", ""))
        for prefix in ("tower", "awx")
        for word in ("count", "number")
        if str(variables.get(f"{prefix}_job_slice_{word}", "")).isdigit()
    }
    return max(int(found.get("count", 1)), 1), int(found.get("number", 1))


def _brake(most: Any, canary: Any) -> Brake:
    """max_broken: a number of hosts, or a part of the run's such as 30%."""
    first = int(_number("canary", canary, "a number of hosts"))
    text = str(most).strip()
    if text.endswith("%"):
        return Brake(
            share=_number("max_broken", text[:-1], "a number of hosts, or a part such as 30%") / 100, canary=first
        )
    return Brake(most=int(_number("max_broken", text, "a number of hosts, or a part such as 30%")), canary=first)


def _yes_or_no(name: str, value: Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError as error:
        raise SettingsError(f"rescue502_{name}: '{value}' is not true or false") from error


def _number(name: str, value: Any, what: str = "a number of seconds") -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"rescue502_{name}: '{value}' is not {what}") from error
    if not 0 <= number < float("inf"):
        raise SettingsError(f"rescue502_{name}: '{value}' is not {what}")
    return number
