# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The diagnosis: evidence in, findings out. Pure, so that it runs offline on a saved evidence file just the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app.app_steps import APP_STEPS
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    Catalogue,
    FailureMode,
    is_above,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import (
    certainty,
    error_text,
    recent_changes,
    unread,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Cause, Found
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import (
    SiteState,
    is_above_the_app,
    site_state,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean_tree, plain_words


@dataclass(frozen=True)
class Finding:
    """A failure mode that matched, with the sentence that says why, and what explains it.

    `severity` is the failure mode's own, or `outage` where it explains an outage that was found: then it is one. Of
    what lies below nginx it is no more than `degraded` where nginx refuses by itself, or alone answers otherwise than
    wanted: then that is the outage.
    """

    mode: FailureMode
    because: str
    by_hand: str
    explained_by: tuple[str, ...]
    severity: str
    vars: dict[str, Any]
    # Of this finding on this host: see FailureMode.risk_on.
    risk: str
    # What could explain it, and could be neither found nor ruled out because something was not readable.
    perhaps: tuple[str, ...] = ()
    known: certainty.Certainty = certainty.SEEN

    @property
    def id(self) -> str:
        """The failure mode's `<layer>/<name>`."""
        return self.mode.id

    @property
    def is_explained(self) -> bool:
        """Whether something that was found or is left open explains it, or it is merely what the user sees."""
        return bool(self.explained_by or self.perhaps or self.mode.symptom)

    @property
    def is_outage(self) -> bool:
        """Whether it takes the site down, or an important part of it."""
        return self.severity == "outage"

    def in_short(self) -> Cause:
        """As a cause stands in the incident."""
        return {
            "id": self.id,
            "title": self.mode.title,
            "because": self.because,
            "risk": self.risk,
            "known": self.known.how,
            "experiment": self.known.experiment,
        }

    def public(self) -> Found:
        """As it stands in the incident."""
        return {
            **self.in_short(),
            "layer": self.mode.layer,
            "severity": self.severity,
            "explained_by": list(self.explained_by),
            "perhaps_explained_by": list(self.perhaps),
            "symptom": self.mode.symptom,
            "remedy": self.mode.remedy or None,
            "by_hand": self.by_hand,
            "means": self.mode.means,
        }


@dataclass(frozen=True)
class Diagnosis:
    """All findings, from the ground up, and the evidence they were drawn from (cleaned, with `app` derived)."""

    findings: tuple[Finding, ...]
    evidence: dict[str, Any]

    @property
    def to_repair(self) -> tuple[Finding, ...]:
        """The findings that nothing explains: the root causes, and what was also found."""
        return tuple(finding for finding in self.findings if not finding.is_explained)

    @property
    def root_causes(self) -> tuple[Finding, ...]:
        """The findings that explain the outage."""
        return tuple(finding for finding in self.to_repair if finding.is_outage)

    @property
    def also_found(self) -> tuple[Finding, ...]:
        """The findings that nothing explains and that take no site down: of severity `degraded` and `advice`."""
        return tuple(finding for finding in self.to_repair if not finding.is_outage)


def diagnose(evidence: dict[str, Any], catalogue: Catalogue) -> Diagnosis:
    """Ask every failure mode of the evidence. Never raises for what the evidence holds or lacks."""
    facts = prepare(evidence)
    matched = [mode.on(facts) for mode in catalogue.modes.values() if mode.matches(facts)]
    words = plain_words(facts) if matched else {}
    refuses = site_state(facts) is SiteState.REFUSES or is_above_the_app(facts)
    lacking = unread.facts(facts)
    found = {mode.id for mode in matched}
    others = [mode for mode in catalogue.modes.values() if mode.id not in found] if lacking and matched else []
    open_ones = [mode for mode in others if unread.leaves_open(mode, facts, lacking)]
    findings = tuple(
        Finding(
            mode=mode,
            because=expressions.sentence(mode.because, facts) + recent_changes.bearing_on(mode.layer, facts),
            by_hand=expressions.sentence(mode.by_hand, words),
            explained_by=tuple(other.id for other in matched if explains(other, mode)),
            severity=_severity(mode, matched, refuses),
            risk=mode.risk_on(facts),
            known=certainty.of(mode, facts),
            vars={name: expressions.value(source, facts) for name, source in mode.vars.items()},
            perhaps=tuple(other.id for other in open_ones if explains(other, mode)),
        )
        for mode in matched
    )
    return Diagnosis(findings, facts)


def explains(cause: FailureMode, effect: FailureMode) -> bool:
    """Whether one of the two names the other: by its id, or by a pattern.

    A pattern holds where the cause lies no higher than its effect, and really breaks the site.
    """
    if cause.id == effect.id:
        return False
    if cause.id in effect.explained_by or effect.id in cause.explains:
        return True
    if is_above(cause.layer, effect.layer) or cause.severity != "outage" or cause.symptom:
        return False
    return any(fnmatchcase(cause.id, pattern) for pattern in effect.explained_by) or any(
        fnmatchcase(effect.id, pattern) for pattern in cause.explains
    )


def _severity(mode: FailureMode, matched: list[FailureMode], refuses: bool) -> str:
    effects = [other for other in matched if other.severity == "outage" and not other.symptom and explains(mode, other)]
    severity = "outage" if effects else mode.severity
    return "degraded" if refuses and severity == "outage" and is_above("proxy", mode.layer) else severity


def prepare(evidence: dict[str, Any]) -> dict[str, Any]:
    """Clean the evidence and add `app`: how far the rehearsal got, and the first error that stopped it.

    app: {rehearsed, serves, step, error, raised, text, request_text, lacks_table}, of which `rehearsed` alone where a
    step is missing; raised is that error or, of an app that serves, what a request raised that was made once more,
    request_text the latter as one text to search in, and lacks_table what raised means. `database.text` likewise is
    its error as one text to search in, and `probe.clock_ahead` is by how many seconds the host's clock is ahead of
    the controller's. A section that failed is left out, so that conditions on it are unknown.
    """
    cleaned = clean_tree(evidence) if isinstance(evidence, dict) else {}
    # A section that is none, like one that failed, is left out; `app` is ours to derive, never the host's to say.
    sections = {name: part for name, part in cleaned.items() if isinstance(part, dict) and name != "app"}
    facts: dict[str, Any] = {name: part for name, part in sections.items() if "failed" not in part}
    rehearsal = facts.get("rehearsal")
    steps = rehearsal.get("steps") if isinstance(rehearsal, dict) else None
    if isinstance(steps, dict) and steps:
        facts["app"] = _SERVES if _has_served(facts.get("shadow_start")) else _app(steps)
    if isinstance(facts.get("database"), dict) and "error" in facts["database"]:
        facts["database"] = {**facts["database"], "text": error_text.of(facts["database"].get("error"))}
    if isinstance(facts.get("probe"), dict) and (ahead := _clock_ahead(facts["probe"])) is not None:
        facts["probe"] = {**facts["probe"], "clock_ahead": ahead}
    return facts


def _clock_ahead(probe: dict[str, Any]) -> int | None:
    """The host's time at the end of its look less the controller's as it got the evidence; None where either lacks."""
    try:
        started, received = (
            datetime.fromisoformat(probe[name].replace("Z", "+00:00")) for name in ("started", "received")
        )
        return round((started - received).total_seconds() + float(probe["seconds"]))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None


# Of an app that was started as its unit would start it, and answered, it does not matter what a rehearsal met.
_SAYS_NOTHING = {"text": "", "request_text": "", "lacks_table": False}
_SERVES = {"rehearsed": True, "serves": True, "step": "", "error": None, "raised": None, **_SAYS_NOTHING}


def _has_served(shadow_start: Any) -> bool:
    """Whether the app was started for trial, and answered what the running one does not answer as wanted."""
    return isinstance(shadow_start, dict) and shadow_start.get("result") == "serves"


def _app(steps: dict[str, Any]) -> dict[str, Any]:
    """How far the app comes: up to the first step that fails, or all the way. A missing step leaves it unknown."""
    for name in APP_STEPS:
        step = steps.get(name)
        if not isinstance(step, dict):
            return {"rehearsed": True}
        if step.get("ok") is False:
            error = step.get("error")
            described = error if isinstance(error, dict) else None
            stopped = {"step": name, "error": described, "raised": described, "text": error_text.of(error)}
            return {"rehearsed": True, "serves": False, **stopped, "lacks_table": error_text.lacks_table(error)}
        if step.get("ok") is not True:
            return {"rehearsed": True}
    requests = steps.get("requests")
    raised = requests.get("error") if isinstance(requests, dict) else None
    return {
        **_SERVES,
        "raised": raised if isinstance(raised, dict) else None,
        "request_text": error_text.of(raised),
        "lacks_table": error_text.lacks_table(raised),
    }
