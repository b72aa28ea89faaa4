# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Causes that are not repaired now, and which remedies they hold back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, Finding
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import is_any_page_served

IN_CONFLICT = ("code/conflict-markers", "code/conflict-committed")


@dataclass(frozen=True)
class Blocking:
    """Ids of causes that are not repaired now, each for what it holds back."""

    # Half-done merges: nothing works on that tree before the person who decides on it has.
    work_on_code: list[str]
    # With something below unrepaired, what runs the app would end what may still serve.
    run_app: list[str]
    # New code whose tables are not there, while the old still serves without them.
    start_app: list[str]
    # What a remedy of this run could not repair, each with its layer, for what needs that layer.
    failed: list[tuple[str, str]] = field(default_factory=list)

    def of(self, remedy: str) -> list[str]:
        """Ids of the causes that block this remedy; empty where none does."""
        role = remedies.get(remedy)
        return (
            (self.work_on_code if role.works_on_code else [])
            or (self.run_app if role.runs_app else [])
            or (self.start_app if "app" in role.starts else [])
            or [name for name, layer in self.failed if layer in role.needs]
        )


def causes(diagnosis: Diagnosis, waiting: list[Finding], failed: set[tuple[str, str]]) -> Blocking:
    """What holds remedies back. waiting: causes that wait for a person. failed: (remedy, cause) tried in vain."""
    # The app is started all the same where the rehearsal says that it would come up.
    evidence = diagnosis.evidence
    boots = evidence.get("app", {}).get("serves") is True
    return Blocking(
        work_on_code=[finding.id for finding in diagnosis.findings if finding.id in IN_CONFLICT],
        run_app=[] if boots else [cause.id for cause in waiting if cause.is_outage and cause.mode.blocks_on(evidence)],
        start_app=_unmigrated(diagnosis, waiting, failed),
        failed=[]
        if boots
        else [(cause.id, cause.mode.layer) for cause in diagnosis.root_causes if has_failed(cause, failed)],
    )


def has_failed(cause: Finding, failed: set[tuple[str, str]]) -> bool:
    """Whether the cause's remedy was tried in vain in this run. failed: (remedy, cause)."""
    return (cause.mode.remedy, cause.id) in failed


def _unmigrated(diagnosis: Diagnosis, waiting: list[Finding], failed: set[tuple[str, str]]) -> list[str]:
    """Ids of the causes that keep new code from its tables while the old still serves: a restart would end that."""
    if not is_any_page_served(diagnosis.evidence):
        return []
    schema = [cause for cause in diagnosis.to_repair if cause.mode.layer == "schema"]
    return [cause.id for cause in schema if cause in waiting or has_failed(cause, failed)]
