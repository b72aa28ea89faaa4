# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The incident: one run's record for one host, kept as a file on the controller from the first look on.

It is written after every step, so that a run that is cut off still leaves what it saw and did.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import (
    incident_record,
    plan,
    setbacks,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import (
    Awaiting,
    Found,
    OtherAtWork,
    Outcome,
    Row,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.record_look import take_in
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import SiteState, site_state
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import remaining_causes
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import DEPTH, clean, clean_tree, file_name


def new_id() -> str:
    """An id that sorts by time and does not meet another run's: 20260131T120000Z-ab12cd."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


def now() -> str:
    """The time in ISO 8601, UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(started: str, finished: str) -> float:
    """Seconds from one ISO time to another."""
    parse = datetime.fromisoformat
    return round((parse(finished.replace("Z", "+00:00")) - parse(started.replace("Z", "+00:00"))).total_seconds(), 3)


class RecordError(Exception):
    """The record can be neither read nor written where it should be; the text says why."""


class Incident:
    """The record and its file. Every change is followed by save(), by the code that made it."""

    def __init__(self, folder: Path, incident: str, host: str, mode: str) -> None:
        """Open the record of this run and host, or begin it. folder: the reports folder, which may be a link.

        RecordError where a link stands in the place of what is ours below it, or where the record is none.
        """
        self.path = folder / incident / f"{file_name(host)}.json"
        self.data = incident_record.new(host, mode, incident)
        self.data["started"] = now()
        self.data["outcome"], self.data["message"] = "failed", "the run was cut off before it ended"
        for place in (self.path.parent, self.path):
            if place.is_symlink():
                raise RecordError(f"{place} is a link: the report would be written elsewhere")
        if self.path.exists():
            try:
                self.data = json.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise RecordError(f"{self.path} is not a valid incident record: {error}") from error

    def page(self) -> Path:
        """The file that a person would open: the page, or the record itself where there was nothing to report."""
        html = self.path.with_suffix(".html")
        return html if html.exists() else self.path

    def save(self) -> None:
        """Write the record, whole or not at all; only the owner may read it."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.path, json.dumps(self.data, indent=1, ensure_ascii=False, default=str) + "\n")

    def look(self, diagnosis: Diagnosis, planned: plan.Plan, checklist: list[Row]) -> None:
        """Take in one look, and when it ended."""
        take_in(self.data, diagnosis, planned, checklist)
        self.data["marked"] = now()
        self.data["failed_since"] = []

    def act(self, remedy: str, causes: list[str], changed: bool, ok: bool, message: str = "") -> None:
        """Record one remedy; its time is what has passed since the last look or remedy."""
        marked = now()
        self.data["actions"].append(
            {
                "remedy": remedy,
                "for": causes,
                "changed": changed,
                "ok": ok,
                "seconds": seconds_between(self.data.get("marked") or self.data["started"], marked),
                "message": clean(message, 2000),
                "look": self.data["passes"],
                "taken_back": False,
            }
        )
        self.data["marked"] = marked
        if not ok:
            self.data["failed_since"] = [*self.data.get("failed_since", []), *causes]

    def not_now(self, deadline: float) -> list[str]:
        """The remedies of this look's plan that wait for the next one: all when time is up, else what needs or follows
        one that failed."""
        if self.is_over(deadline) and not self.owes_restart():
            return [action["remedy"] for action in self.data["plan"]]
        return plan.depending_on(self.data.get("failed_since", []), self.data["plan"])

    def tried(self, remedy: str, causes: list[str]) -> bool:
        """Whether this run has already applied the remedy for just these causes."""
        return any(a["remedy"] == remedy and sorted(a["for"]) == sorted(causes) for a in self.data["actions"])

    def was_down(self) -> bool:
        """Whether the first look has found the site down, so that what can wait is repaired when it answers again."""
        return site_state(self.data["evidence"]) in (SiteState.DOWN, SiteState.BARRED)

    def has_restarted(self) -> bool:
        """Whether the app was started or restarted since the last look."""
        recent = [act["remedy"] for act in self.data["actions"] if act.get("look") == self.data["passes"]]
        return plan.RESTART in recent

    def is_concluded(self) -> bool:
        """Whether the run has ended for this host, as where its first look has failed."""
        return self.data["finished"] is not None

    def take_back(self, marks: Collection[str], message: str, undone: bool) -> None:
        """Record that remedies were in vain, and whether they are undone. message: what came of that."""
        for done in self.data["actions"]:
            if setbacks.mark(done) in marks:
                done["taken_back"] = undone
                done["message"] = "; ".join(filter(None, [done["message"], clean(message, 1000)]))
        self.data["marked"] = now()

    def note_lock(self, held: bool, locked_by: str) -> None:
        """Take in whether the host is this run's to change, or which other run is at work there."""
        self.data["holds_lock"] = held or self.data["holds_lock"]
        self.data["locked_by"] = locked_by

    def note_others(self, others: list[OtherAtWork]) -> None:
        """Take in who else is at work on the app, for whom nothing is done meanwhile."""
        self.data["others_at_work"] = others

    def is_waiting_for_its_turn(self) -> bool:
        """Whether the run has looked at this host once, together with its others, and done nothing here since."""
        looked = self.data["passes"] == 1 and not self.data["actions"]
        return looked and not self.data["turn"] and not self.is_concluded()

    def begin_turn(self) -> None:
        """This host's turn to be repaired has come."""
        self.data["turn"] = self.data["marked"] = now()

    def put_behind(self, label: str, hosts: Collection[str]) -> None:
        """Other hosts show the same cause, and are to be well before anything is done here."""
        self.data["behind"] = list(hosts)
        self.data["held"] = f"not its turn: {label} is to be repaired on {', '.join(hosts)} first"

    def hold(self, why: str) -> None:
        """Nothing is done on this host in this run, for what other hosts show."""
        self.data["held"] = why

    def give_up(self, exhausted: dict[str, int], window: float) -> set[str]:
        """Take what was tried so many times within `window` seconds, and what needs it, out of the plan; the names."""
        lesser = [item["id"] for item in self.data["findings"] if item["severity"] != "outage"]
        names = plan.not_done_without(exhausted, self.data["plan"], lesser)
        held = [action for action in self.data["plan"] if action["remedy"] in names]
        self.data["plan"] = [action for action in self.data["plan"] if action not in held]
        for action in held:
            why = f"is not done without {' and '.join(exhausted)}"
            if action["remedy"] in exhausted:
                tried = f"was tried {exhausted[action['remedy']]} times within {window / 60:g} min"
                why = f"{tried}, in vain or to break again; it is tried again where rescue502_budget is higher"
            self.data["held_back"].append({"remedy": action["remedy"], "for": action["for"], "why": why})
            if set(action["for"]) & set(remaining_causes(self.data)):
                self.data["exhausted"].append(f"{action['remedy']} for {', '.join(action['for'])} {why}")
        waiting = {item["id"] for item in self.data["awaiting"]}
        open_causes = dict.fromkeys(cause for action in held for cause in action["for"] if cause not in waiting)
        self.data["awaiting"] += [_for_a_person(item) for item in self.data["findings"] if item["id"] in open_causes]
        return {action["remedy"] for action in held}

    def ends(self, deadline: float) -> float:
        """When the run's time is up, `deadline` seconds after it began here, in seconds since the epoch.

        What other hosts were repaired meanwhile does not count.
        """
        begun = self.data.get("turn") or self.data["started"]
        return datetime.fromisoformat(begun.replace("Z", "+00:00")).timestamp() + deadline

    def is_over(self, deadline: float) -> bool:
        """Whether the run's time is up. deadline: seconds from its beginning."""
        return time.time() >= self.ends(deadline)

    def owes_restart(self) -> bool:
        """Whether this run has migrated and not yet restarted the app: until then even a late run goes on."""
        done = [act["remedy"] for act in self.data["actions"] if act["ok"]]
        last = [name for name in done if name == plan.RESTART or remedies.get(name).before_restart][-1:]
        return last not in ([], [plan.RESTART]) and any(each["remedy"] == plan.RESTART for each in self.data["plan"])

    def expire(self, deadline: float, names: list[str]) -> bool:
        """Whether these remedies are not begun any more because the run's time is up; the record says so.

        deadline: seconds from its beginning.
        """
        if not names or not self.is_over(deadline):
            return False
        self.data["overdue"] = f"the run's {deadline:g} s were over before {', '.join(names)}"
        return True

    def conclude(self, outcome: Outcome, message: str, check: bool = False) -> None:
        """Close the record and write it; where there is something to report, its pages for people next to it."""
        finished = now()
        self.data["outcome"], self.data["message"], self.data["check"] = outcome, clean(message, 1000), check
        self.data["finished"] = finished
        self.data["seconds"] = seconds_between(self.data["started"], finished)
        self.data.pop("marked", None)
        self.data.pop("failed_since", None)
        # The evidence in it keeps its depth, so that it gives the same findings again.
        self.data = clean_tree(self.data, depth=DEPTH + 1)
        self.save()
        if outcome == "healthy":
            return
        _write(self.path.with_suffix(".html"), report.render_html(self.data))
        _write(self.path.with_suffix(".md"), report.render_markdown(self.data))


def _write(path: Path, text: str) -> None:
    atomic_write.replace(str(path), text.encode())


def _for_a_person(finding: Found) -> Awaiting:
    """What a person is to do where nothing more is tried."""
    return {
        "id": finding["id"],
        "remedy": finding["remedy"],
        "approval": finding["id"],
        "approve_with": None,
        "by_hand": finding["by_hand"],
    }
