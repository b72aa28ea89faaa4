# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probe, diagnose and plan in one task; the incident's record is kept as it goes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.rescue502.django.plugins.module_utils.probe.options import DISCOVERY
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue, remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import edge_summary
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis, diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import checklist, conclusion
from ansible_collections.rescue502.django.plugins.plugin_utils.run import bundles, host_lock, outside_edge, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.decision import (
    decide,
    is_unexplained,
    require_found,
    within,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident, RecordError, now
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import is_good, judge

# Ansible imports this file before it forks a worker for each host: what is read and compiled here, no worker has to.
catalogue.prepare()
checklist.prepare()

UNTOUCHED = "Nothing was changed"
LOOKING = ("diagnose", "verify")
# For so many seconds a look is what the host is like, where nothing was done since.
FRESH_SECONDS = 10.0


def _catalogue(given: settings.Settings) -> tuple[catalogue.Catalogue, list[str]]:
    """The failure modes, and what is approved. AnsibleActionFail for a broken file, or a bad approval."""
    try:
        known = catalogue.load(given.failure_paths)
        remedies.require_sound(known)
        return known, given.approved(known.approvable())
    except (catalogue.CatalogueError, settings.SettingsError) as error:
        raise AnsibleActionFail(f"{error}. Nothing was changed.") from error


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.diagnose` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("mode", "level", "hold", "conclude", "look"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """One look: {stack, incident, root_causes, also_found, edge, plan, …}; the evidence goes to the record.

        Raises AnsibleActionFail where the host could not be looked at or locked.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        mode = self._mode()
        given = settings.read_or_fail(task_vars, self._templar, load_extra_vars(self._loader))
        target = Target(self, task_vars, given.incident)
        if self._task.args.get("level") == "stack":
            stack = _probe(target, given, "stack", {}).get("stack")
            discovered = {"stack": stack, "probe": given.probe, "incident": given.incident}
            return {**result, "changed": False, **discovered, "bundle": bundles.new_path(given)}
        try:
            record = Incident(given.reports, given.incident, task_vars["inventory_hostname"], mode)
        except RecordError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        if self._task.check_mode and record.data["actions"]:
            # Nothing has changed, so a second look would see what the first one saw.
            return {**result, "changed": False, "done": True, "number": 1, "plan": []}
        concludes = bool(self._task.args.get("conclude"))
        record.data["hosts_in_run"] = max(record.data["hosts_in_run"], len(given.scope.run))
        record.data["awx"] = given.awx
        try:
            earlier: dict[str, Any] = {}
            if mode == "recover" and record.is_waiting_for_its_turn():
                if held := self._begin_turn(given, record):
                    record.save()
                    return {**result, "changed": False, **held}
                earlier = self._earlier_look()
            result.update(earlier or self._diagnose(target, given, record, task_vars))
            # Where the run's other hosts are looked at first, the lock is taken when this one's turn has come.
            if mode == "recover" and not concludes and not result["take_back"]:
                result.update(self._lock(target, given, result, record))
        except AnsibleConnectionFailure as error:
            record.conclude("unreachable", str(error))
            if not concludes:
                raise
            return {**result, "changed": False, "concluded": True, **conclusion.result(record.data)}
        except AnsibleActionFail as error:
            message = str(error) if record.data["actions"] or UNTOUCHED in str(error) else f"{error}. {UNTOUCHED}."
            record.conclude("failed", message)
            raise AnsibleActionFail(message) from error
        result.update(
            changed=False,
            temporary=target.temporary or result.get("temporary", ""),
            run_folder=leftovers.TEMPORARY,
            incident=given.incident,
            concluded=concludes and self._conclude(record, result),
        )
        if result["concluded"]:
            return {**result, **conclusion.result(record.data)}
        record.save()
        return result

    def _diagnose(
        self, target: Target, given: settings.Settings, record: Incident, task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Look at the host, and decide what to do."""
        # The catalogue is read while the target answers: an outage is counted in seconds.
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(_catalogue, given)
            evidence = self._look(target, given, record)
            known, approved = loading.result()
        diagnosis = diagnose(evidence, known)
        if is_unexplained(diagnosis):
            # What ended while the host was looked at, such as the database's start, left nothing to be seen.
            diagnosis = diagnose(self._look(target, given, record, again=True), known)
        result = decide(diagnosis, approved, given, record)
        if self._mode() == "recover" and not result["take_back"]:
            require_found(result["plan"], task_vars, self._templar)
        self._remember(diagnosis, target, given)
        return {**result, "looked": time.time()}

    def _earlier_look(self) -> dict[str, Any]:
        """The run's first look at this host, where that was just now; else empty."""
        earlier = self._task.args.get("look") or {}
        age = time.time() - float(earlier.get("looked") or 0)
        return dict(earlier) if "plan" in earlier and 0 <= age <= FRESH_SECONDS else {}

    def _begin_turn(self, given: settings.Settings, record: Incident) -> dict[str, Any]:
        """Begin this host's turn; what to return instead of a look where the hosts before it do not hold."""
        record.begin_turn()
        before = [Incident(given.reports, given.incident, host, "recover").data for host in record.data["behind"]]
        failed = [f"{other['host']} ({other['outcome']})" for other in before if not is_good(other)]
        record.hold(
            f"nothing was done: the repair of the same cause does not hold on {', '.join(failed)}" if failed else ""
        )
        return {"plan": [], "done": True, "take_back": [], "bundle_due": False} if failed else {}

    def _conclude(self, record: Incident, look: dict[str, Any]) -> bool:
        """Conclude the incident where this look is all that is to be done; whether it is."""
        if self._mode() == "recover" and not (look["edge"]["well"] and look["done"]):
            return False
        if not record.is_concluded():
            check = bool(self._task.check_mode)
            record.conclude(*judge(record.data, check), check)
        return True

    def _mode(self) -> str:
        return str(self._task.args.get("mode", "diagnose"))

    def _look(
        self, target: Target, given: settings.Settings, record: Incident, *, again: bool = False
    ) -> dict[str, Any]:
        """The first look is quick where all is well. After a remedy the edge must hold, and gets time to settle.

        again: nothing was found, so that an app that keeps answering wrongly is given all of that time.
        """
        repaired = bool(record.data["actions"])
        level = "full" if repaired else self._task.args.get("level") or given.level
        patient = repaired or bool(self._task.args.get("hold"))
        hold = given.hold_seconds if patient else 0
        # To repair takes root; to look, as far as an account can, does not.
        looks_only = self._mode() in LOOKING and not repaired
        waits: dict[str, Any] = {
            "unprivileged": looks_only,
            "hold_seconds": hold,
            "settle_seconds": given.settle_seconds,
            "patient": patient,
            "until_steady": repaired and not again,
        }
        if self._remembers():
            waits["remember"] = given.incident
        if not given.edge_from_controller or not given.probe.get("edge"):
            return _probe(target, given, level, waits)
        # What the host answers to the world, at the same time as what it answers to itself.
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(outside_edge.ask, given.probe["edge"], str(given.probe.get("cors_origin") or ""))
            evidence = _probe(target, given, level, waits)
            return {**evidence, "outside": asking.result()}

    def _lock(self, target: Target, given: settings.Settings, look: dict[str, Any], record: Incident) -> dict[str, Any]:
        """Before anything is changed: no other run is at work here, and nothing is tried that was tried too often."""
        unit = look["stack"].get("unit", "")
        try:
            if not look["plan"] and (look["edge"]["well"] or not host_lock.is_locked(target, given, unit)):
                return {}
            lock = host_lock.take(target, given, _app(look["stack"], record), look["plan"])
        except host_lock.LockError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from error
        record.note_lock(lock.held, lock.locked_by)
        if not lock.held and not self._task.check_mode:
            return {"plan": [], "done": True}
        record.note_others(lock.others)
        if lock.others and not self._task.check_mode:
            return {"plan": [], "done": True}
        if lock.waited:
            # What the other run did meanwhile is seen by the next look.
            return {"plan": [], "done": False}
        given_up = record.give_up(lock.exhausted, given.budget_window)
        fresh = [action for action in look["plan"] if action["remedy"] not in given_up]
        return {"plan": fresh, "done": not fresh, "bundle_due": bool(lock.exhausted) and not bundles.is_at_hand(given)}

    def _remembers(self) -> bool:
        """Whether a good state is kept on the target: never where the user asks to change nothing."""
        return not self._task.check_mode and self._task.args.get("mode") in ("recover", "verify")

    def _remember(self, diagnosis: Diagnosis, target: Target, given: settings.Settings) -> None:
        """Have the target keep its state as the last good one, where a full look has found it to be well.

        After a quick look, which is all that a healthy host gets, the probe itself has kept it in the same round trip.
        """
        remembered = within(diagnosis.evidence, "probe", "remembered")
        well = "rehearsal" in diagnosis.evidence and edge_summary.summary(diagnosis.evidence)["well"]
        if well and self._remembers() and not diagnosis.to_repair:
            found = {name: value for name, value in given.probe.items() if name in DISCOVERY}
            kept = target.run("baseline", {**found, "incident": given.incident}, "remembered")
            remembered = kept.get("remembered") or f"not kept: {complaint(kept, 'baseline')}"
        if str(remembered).startswith("not kept"):
            self._display.v(f"{given.scope.host}: the last good state was {remembered}")


def _app(stack: dict[str, Any], record: Incident) -> dict[str, str]:
    """What others may be at work on. An empty name is an unknown one."""
    database = record.data["evidence_after"] or record.data["evidence"]
    names = {name: str(stack.get(name) or "") for name in ("unit", "root", "venv")}
    return {**names, "database": str(within(database, "database", "name") or "")}


def _probe(target: Target, given: settings.Settings, level: str, waits: dict[str, Any]) -> dict[str, Any]:
    probed = target.run("probe", {**given.probe, "level": level, **waits}, "evidence")
    if "evidence" not in probed:
        raise AnsibleActionFail(complaint(probed, "probe"))
    evidence: dict[str, Any] = probed["evidence"] if isinstance(probed["evidence"], dict) else {}
    if isinstance(evidence.get("probe"), dict):
        # The controller's clock and the host's: the diagnosis itself knows no time.
        evidence = {**evidence, "probe": {**evidence["probe"], "received": now()}}
    return evidence
