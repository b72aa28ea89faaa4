# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Consent: what may be done unasked where the site is down, and what waits for an approval where it is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import APPROVABLE
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Finding
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import SiteState, may_help

# What the running app shares with any other: where it is gone, no page that needs it is answered.
BELOW_THE_APP = ("host", "database")


@dataclass(frozen=True)
class Consent:
    """What may be done on one host, at one look."""

    approved: set[str]
    state: SiteState
    # Whether this run has found the site down at its beginning.
    was_down: bool

    def is_approved(self, cause: Finding) -> bool:
        """Whether somebody has asked for this repair."""
        return cause.risk in APPROVABLE and bool({cause.id, cause.mode.remedy} & self.approved)

    def allows(self, cause: Finding) -> bool:
        """Whether this cause may be repaired now."""
        return self.is_approved(cause) or (cause.risk == "safe" and self._is_unasked(cause))

    def allows_what_follows(self, cause: Finding) -> bool:
        """Whether what follows the repair, such as a restart, may be done too: not where the running app answers."""
        return self.is_approved(cause) or self.state is not SiteState.ANSWERS

    def _is_unasked(self, cause: Finding) -> bool:
        if may_help(cause.mode.layer, self.state):
            return True
        if cause.is_outage:
            # Few checks prove little: what the running app itself needs below it is missing, whatever one page says.
            return self.state is SiteState.ANSWERS and cause.mode.layer in BELOW_THE_APP
        names = (cause.mode.remedy, *cause.mode.then)
        answers_again = self.was_down and self.state in (SiteState.SERVES, SiteState.ANSWERS)
        return answers_again and not any(remedies.get(name).starts for name in names)

    def allows_start(self, effect: Finding, causes: list[Finding]) -> bool:
        """Whether what went down with these causes may be started along with their repair."""
        return may_help(effect.mode.layer, self.state) or any(map(self.is_approved, causes))
