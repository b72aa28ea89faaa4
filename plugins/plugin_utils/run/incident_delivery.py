# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A concluded incident on its way: kept on its host, sent on as a report, and notified of where it is news.

Nothing of it fails a run: what does not arrive is a warning.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import notification
from ansible_collections.rescue502.django.plugins.plugin_utils.run import delivery, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import file_name

# On these hosts nothing is written: they are well, out of reach, or somebody else's now.
NOT_KEPT = ("healthy", "unreachable", "locked")
# What the controller itself knows of whom it has notified, in the reports folder.
MEMORY = "notified"


class IncidentDelivery:
    """The delivery of one host's incident, by the task that reports it."""

    def __init__(self, action: Any, task_vars: dict[str, Any], given: settings.Settings) -> None:
        """action: the action plugin that runs, through which the host is reached; task_vars: its variables."""
        self._action, self._task_vars, self._given = action, task_vars, given

    def deliver(self, record: Incident) -> None:
        """Deliver it, but in check mode. Never raises: it is no part of the repair."""
        if not record.is_concluded() or self._action._task.check_mode:
            return
        try:
            self._deliver(record)
        except Exception as error:
            # Not its words: they may hold an address, and an address a token.
            self._warn(f"not delivered: {type(error).__name__}")

    def _warn(self, words: str) -> None:
        self._action._display.warning(f"{self._given.scope.host}: {words}")

    def _deliver(self, record: Incident) -> None:
        given, data = self._given, record.data
        memory = given.reports / MEMORY / file_name(given.scope.host)
        people = self._recipients("notify", given.notify)
        target = Target(self._action, self._task_vars, given.incident)
        kept = self._keep(target, data) if is_kept(data) else None
        if not notification.is_news(data, _read(memory) if kept is None else kept):
            people = []
        link = given.report_link.replace("{incident}", data["incident"]).replace("{host}", data["host"])
        notices = [partial(_notify, to, data, link or str(record.page())) for to in people]
        servers = self._recipients("report_to", given.report_to, web_only=True)
        servers = [] if data["outcome"] == "healthy" else servers
        failed = delivery.deliver([*notices, *(partial(_send, to, data, dict(data)) for to in servers)])
        for to, why in zip([*people, *servers], failed, strict=True):
            if why:
                self._warn(f"not delivered: {to.name()}: {why}")
        # Where nobody could be reached, it is still news the next time.
        if not all(failed[: len(people)]):
            fingerprint = "" if data["outcome"] == "healthy" else notification.fingerprint(data)
            _remember(memory, fingerprint)
            if kept is not None:
                target.run("kept_reports", {"state": "kept", "news": fingerprint}, "last_news")

    def _recipients(self, name: str, written: Any, web_only: bool = False) -> list[delivery.Recipient]:
        try:
            return delivery.parse(written, web_only)
        except delivery.AddressError as error:
            self._warn(f"rescue502_{name}: {error}")
            return []

    def _keep(self, target: Target, data: Record) -> str | None:
        """Have the host keep the report: what people were notified of before; None where it could not."""
        text = json.dumps(data, ensure_ascii=False, default=str)
        try:
            arguments = {"state": "kept", "incident": data["incident"], "record": text}
            answer = target.run("kept_reports", arguments, "last_news")
        except AnsibleError as error:
            answer = {"msg": str(error)}
        if "last_news" not in answer:
            self._warn(complaint(answer, "kept_reports"))
            return None
        return str(answer["last_news"])


def is_kept(data: Record) -> bool:
    """Whether the host keeps this report: of a run that may change it, has looked, and did not end right after that."""
    may_change = data["mode"] == "recover" and data["outcome"] not in NOT_KEPT and not data["held"]
    return may_change and data["passes"] > 0 and (data["outcome"] != "failed" or bool(data["actions"]))


def _notify(to: delivery.Recipient, data: Record, link: str) -> str:
    if to.is_web:
        return _send(to, data, notification.payload(data, link))
    return delivery.by_apprise(to, notification.title(data), notification.body(data, link))


def _send(to: delivery.Recipient, data: Record, content: dict[str, Any]) -> str:
    return delivery.send(to, content, data["host"], data["incident"])


def _read(memory: Path) -> str:
    try:
        return memory.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _remember(memory: Path, fingerprint: str) -> None:
    """Keep what was notified of last on this controller; nothing once the site is well again."""
    if not fingerprint:
        memory.unlink(missing_ok=True)
        return
    memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic_write.replace(str(memory), fingerprint.encode())
