# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The user's settings: the `rescue502_*` variables of a host, read and checked in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import Catalogue, own_path
from ansible_collections.rescue502.django.plugins.plugin_utils.incident import new_id
from ansible_collections.rescue502.django.plugins.plugin_utils.text import clean

# Ansible loads action plugins before it forks, so all hosts and tasks of one run share this.
RUN_ID = new_id()
PREFIX = "rescue502_"
# What the probe takes as it is.
PROBE_SETTINGS = (
    "unit", "root", "venv", "user", "group", "env_file", "health_url", "health_json", "edge", "cors_origin",
    "database_unit", "edge_timeout",
)  # fmt: skip


class SettingsError(Exception):
    """A setting cannot be used; the text says which and why."""


@dataclass(frozen=True)
class Settings:
    """Settings of one host for one run."""

    probe: dict[str, Any]
    approved: list[str]
    reports: Path
    incident: str
    hold_seconds: float
    settle_seconds: float
    level: str
    failure_paths: list[Path]

    def require_known_approvals(self, known: Catalogue) -> None:
        """SettingsError where an approval names nothing that could be approved: a typing error must not pass."""
        for name in self.approved:
            if name not in known.approvable():
                raise SettingsError(
                    f"rescue502_approve: '{name}' is no failure mode or remedy that waits for approval; "
                    f"known are: {', '.join(sorted(known.approvable()))}"
                )


def read(variables: dict[str, Any], templar: Any) -> Settings:
    """The settings of a host. variables: its Ansible variables; templar: renders those that refer to others.

    SettingsError where a value cannot be used, or where the host itself has returned settings as facts: Ansible would
    prefer those to the inventory's, and a host must not choose where its report is written, or what is approved.
    """
    facts = variables.get("ansible_facts") or {}
    forged = sorted(str(name) for name in facts if str(name).startswith(PREFIX))
    if forged:
        raise SettingsError(
            f"the host returned settings of ours as facts ({clean(', '.join(forged), 200)}): do not trust it"
        )

    def given(name: str, default: Any = None) -> Any:
        value = variables.get(PREFIX + name)
        return default if value is None else templar.template(value)

    probe = {name: value for name in PROBE_SETTINGS if (value := given(name)) is not None}
    approve = given("approve", [])
    own = [own_path()]
    extra = given("failures_path", [])
    return Settings(
        probe=probe,
        approved=[str(item) for item in ([approve] if isinstance(approve, str) and approve else approve or [])],
        reports=_absolute(given("reports", "reports")),
        incident=str(given("incident", "") or RUN_ID),
        hold_seconds=_number("hold_seconds", given("hold_seconds", 5)),
        settle_seconds=_number("settle_seconds", given("settle_seconds", 20)),
        level=str(given("level", "auto")),
        failure_paths=own + [_absolute(item) for item in ([extra] if isinstance(extra, str) else extra) if item],
    )


def _absolute(path: Any) -> Path:
    """From the folder that Ansible was started in."""
    return Path(os.path.abspath(os.path.expanduser(str(path))))


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"rescue502_{name}: '{value}' is not a number of seconds") from error
