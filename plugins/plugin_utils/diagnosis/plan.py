# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan: which remedies, in which order, and what waits for a person. Pure, but for what roles say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import APPROVABLE, LAYERS
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import approvals, blocking
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.consent import Consent
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, Finding
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import (
    Awaiting,
    HeldBack,
    Planned,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import (
    SiteState,
    site_state,
)

RESTART = "restart"
_SERVICE = LAYERS.index("service")


@dataclass
class Action:
    """One remedy for one or more findings that nothing explains, with the variables that its role takes."""

    remedy: str
    causes: list[str]
    risk: str
    layer: int
    # Whether it brings a site back that does not answer, rather than repairs what can wait until it does.
    urgent: bool
    vars: dict[str, Any] = field(default_factory=dict)

    def public(self) -> Planned:
        """As it stands in the incident and in the task's result."""
        return {"remedy": self.remedy, "for": self.causes, "risk": self.risk, "vars": self.vars}


@dataclass(frozen=True)
class Plan:
    """The remedies to apply, those held back with the reason, and those that wait for approval or for a person.

    `actions` bring a site back that is down, from the ground up; of one that answers they are all that is to be done.
    `later` is what takes no site down, for when this one answers again.
    """

    actions: list[Action]
    later: list[Action]
    held_back: list[HeldBack]
    awaiting: list[Awaiting]


def make(
    diagnosis: Diagnosis,
    approved: Iterable[str] = (),
    failed: Iterable[tuple[str, str]] = (),
    host: str = "",
    *,
    was_down: bool = False,
) -> Plan:
    """Plan the repair of all that nothing explains: what takes the site down first, each from the ground up.

    A site that serves, or that refuses because somebody wants it so, is not touched unasked.

    approved: ids of failure modes, or names of remedies, that may run on any site, and though their risk is `ask`.
    failed: remedies that this run has tried in vain, each with the failure mode that it was for.
    host: what an approval must name, in a run on several hosts.
    was_down: whether this run has found the site down at its beginning.
    """
    consent, tried = Consent(set(approved), site_state(diagnosis.evidence), was_down), set(failed)
    repaired = [cause for cause in diagnosis.to_repair if consent.allows(cause)]
    waiting = [cause for cause in diagnosis.to_repair if cause not in repaired]
    # What went down with a cause whose remedy has failed would only fail again.
    effects = _effects(diagnosis, [cause for cause in repaired if not blocking.has_failed(cause, tried)], consent)
    down = consent.state in (SiteState.DOWN, SiteState.BARRED)
    actions = _merge(
        action
        for found, causes in [*((cause, [cause]) for cause in repaired), *effects]
        for action in _actions(found, causes, tried, down, consent)
    )
    blocks = blocking.causes(diagnosis, waiting, tried)
    why = {action.remedy: reasons for action in actions if (reasons := blocks.of(action.remedy))}
    partners = held_with(why, {action.remedy: action.causes for action in actions})
    why |= {remedy: why[partner] for remedy, partner in partners.items()}
    held = [(action, why[action.remedy]) for action in actions if action.remedy in why]
    actions = [action for action in actions if action.remedy not in why]
    return Plan(
        actions=[action for action in actions if action.urgent or not down],
        later=[action for action in actions if down and not action.urgent],
        held_back=[
            {"remedy": a.remedy, "for": a.causes, "why": f"{', '.join(why)} is not repaired yet"} for a, why in held
        ],
        awaiting=[_awaiting(cause, host) for cause in waiting],
    )


def held_with(held: Collection[str], causes: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Remedies that wait because their partner does, each with that partner.

    held: remedies that wait. causes: of each remedy that is planned, what it is for. A restart goes on alone where it
    is for another cause as well: then the tables stay as they are, too.
    """
    before = [name for name in causes if remedies.get(name).before_restart] if RESTART in causes else []
    if RESTART in held:
        return {name: RESTART for name in before if name not in held}
    for name in before:
        if name in held and set(causes[RESTART]) <= set(causes[name]):
            return {RESTART: name}
    return {}


def depending_on(failed: Collection[str], planned: Collection[Planned]) -> list[str]:
    """The planned remedies that are not done in the same look any more: they follow, or need, what was not repaired.

    failed: ids of the causes whose remedy has failed in it.
    """
    layers = {name.partition("/")[0] for name in failed}
    held = {a["remedy"] for a in planned if {*a["for"]} & {*failed} or layers & {*remedies.get(a["remedy"]).needs}}
    return sorted({*held, *held_with(held, {action["remedy"]: action["for"] for action in planned})})


def not_done_without(exhausted: Collection[str], planned: list[Planned], lesser: Collection[str]) -> set[str]:
    """The planned remedies that are not done where some have no tries left: those, and what follows or needs them.

    lesser: ids of causes that take no site down; what is for others as well goes on without their repair.
    """
    begins = next((place for place, action in enumerate(planned) if action["remedy"] in exhausted), len(planned))
    causes = {cause for action in planned if action["remedy"] in exhausted for cause in action["for"]}
    alone = {action["remedy"] for action in planned[begins:] if {*action["for"]} <= causes}
    partners = held_with(exhausted, {action["remedy"]: action["for"] for action in planned})
    return {*exhausted, *alone, *partners, *depending_on(causes - {*lesser}, planned[begins:])}


def _actions(
    found: Finding, causes: list[Finding], failed: set[tuple[str, str]], down: bool, consent: Consent
) -> Iterable[Action]:
    """A finding's remedy at its own layer, for these causes, and what has to follow, such as a restart.

    Nothing follows a remedy that failed. down: whether the edge does not answer as it should.
    """
    layer, risk, names = LAYERS.index(found.mode.layer), causes[0].risk, [cause.id for cause in causes]
    urgent = down and any(cause.is_outage for cause in causes)
    yield Action(found.mode.remedy, list(names), risk, layer, urgent, dict(found.vars))
    follows = not blocking.has_failed(found, failed) and any(map(consent.allows_what_follows, causes))
    for remedy in found.mode.then if follows else ():
        yield Action(remedy, list(names), risk, max(layer, _SERVICE), urgent)


def _effects(
    diagnosis: Diagnosis, repaired: list[Finding], consent: Consent
) -> Iterable[tuple[Finding, list[Finding]]]:
    """What went down with causes that are repaired now, each with those causes: it is started along with them."""
    roots, now = {cause.id for cause in diagnosis.to_repair}, {cause.id for cause in repaired}
    for found in diagnosis.findings:
        causes = [cause for cause in repaired if cause.id in found.explained_by]
        if consent.allows_start(found, causes) and _is_effect_of(found, now, roots):
            yield found, causes


def _is_effect_of(found: Finding, repaired: set[str], roots: set[str]) -> bool:
    """Whether a finding is only an effect of root causes that are repaired now, so that starting it is enough."""
    why = roots & set(found.explained_by)
    return bool(why) and why <= repaired and found.risk == "safe" and bool(remedies.get(found.mode.remedy).starts)


def _contradicts(known: Action, other: Action) -> bool:
    """Whether one remedy cannot be done for both at once."""
    both = known.vars.keys() & other.vars.keys()
    return any(known.vars[name] != other.vars[name] and not isinstance(known.vars[name], list) for name in both)


def _merge(actions: Iterable[Action]) -> list[Action]:
    """Urgent ones first, each in the order of the layers and once for all its causes; lists of variables are joined.

    What would do the same with something else, such as another folder, waits for the next look.
    """
    merged: dict[tuple[str, bool], Action] = {}
    for action in actions:
        known = merged.setdefault((action.remedy, action.urgent), action)
        if known is action or _contradicts(known, action):
            continue
        known.causes += [cause for cause in action.causes if cause not in known.causes]
        furthest = max if remedies.get(action.remedy).runs_app else min
        known.layer = furthest(known.layer, action.layer)
        for name, value in action.vars.items():
            old = known.vars.get(name)
            known.vars[name] = [*old, *value] if isinstance(old, list) and isinstance(value, list) else value
    for (name, urgent), action in merged.items():
        if remedies.get(name).before_restart and (RESTART, urgent) in merged:
            # Right before the restart: whatever fails in between would leave old code on new tables.
            action.layer = merged[RESTART, urgent].layer

    # What loads the app comes after what repairs the layers that it needs; within a layer the app is started last.
    def place(item: Action) -> tuple[bool, int, bool, int, int]:
        remedy = remedies.get(item.remedy)
        needed = [LAYERS.index(layer) for layer in remedy.needs]
        last = 2 if item.remedy == RESTART else int(remedy.before_restart)
        return not item.urgent, max([item.layer, *needed]), bool(needed), last, item.layer

    return sorted(merged.values(), key=place)


def _awaiting(cause: Finding, host: str) -> Awaiting:
    """What a person is to decide or do."""
    can_approve = cause.risk in APPROVABLE and cause.mode.remedy
    return {
        "id": cause.id,
        "remedy": cause.mode.remedy or None,
        "approval": approvals.written(cause.id, host),
        "approve_with": f"rescue502_approve=[{approvals.written(cause.id, host)}]" if can_approve else None,
        "by_hand": cause.by_hand,
    }
