# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep a concluded incident's report on its host, send it on, and notify people where it is news. Never fails a run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.module_utils.files import atomic_write
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.incident_record import Record
from ansible_collections.rescue502.django.plugins.plugin_utils.report import notification
from ansible_collections.rescue502.django.plugins.plugin_utils.run import delivery, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident, RecordError
from ansible_collections.rescue502.django.plugins.plugin_utils.run.target import Target, complaint
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import file_name

# On these hosts nothing is written: they are well, out of reach, or somebody else's now.
NOT_KEPT = ("healthy", "unreachable", "locked")
# What the controller itself knows of whom it has notified, in the reports folder.
MEMORY = "notified"


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.deliver` task."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns {kept, notified}. What does not arrive is a warning: the run has done what it could."""
        result: dict[str, Any] = {**super().run(tmp, task_vars), "changed": False, "kept": False, "notified": False}
        task_vars = task_vars or {}
        try:
            given = settings.read(task_vars, self._templar)
            record = Incident(given.reports, given.incident, given.scope.host, "recover")
            if not record.is_concluded() or self._task.check_mode:
                return result
            return {**result, **self._deliver(given, record, task_vars)}
        except (settings.SettingsError, RecordError, AnsibleError, OSError) as error:
            self._display.warning(f"{task_vars.get('inventory_hostname')}: nobody was notified: {error}")
        return result

    def _deliver(self, given: settings.Settings, record: Incident, task_vars: dict[str, Any]) -> dict[str, Any]:
        data, memory = record.data, given.reports / MEMORY / file_name(given.scope.host)
        people = self._recipients("notify", given.notify, data["host"])
        target = Target(self, task_vars, given.incident)
        kept = self._keep(target, data) if is_kept(data) else None
        if not notification.is_news(data, _read(memory) if kept is None else kept):
            people = []
        link = given.report_link.replace("{incident}", data["incident"]).replace("{host}", data["host"])
        notices = [partial(_notify, to, data, link or str(record.page())) for to in people]
        servers = self._recipients("report_to", given.report_to, data["host"], web_only=True)
        servers = [] if data["outcome"] == "healthy" else servers
        failed = delivery.deliver([*notices, *(partial(_send, to, data, dict(data)) for to in servers)])
        for to, why in zip([*people, *servers], failed, strict=True):
            if why:
                self._display.warning(f"{data['host']}: not delivered: {to.name()}: {why}")
        # Where nobody could be reached, it is still news the next time.
        notified = not all(failed[: len(people)])
        if notified:
            fingerprint = "" if data["outcome"] == "healthy" else notification.fingerprint(data)
            _remember(memory, fingerprint)
            if kept is not None:
                target.run("kept_reports", {"state": "kept", "news": fingerprint}, "last_news")
        return {"kept": kept is not None, "notified": notified}

    def _recipients(self, name: str, written: Any, host: str, web_only: bool = False) -> list[delivery.Recipient]:
        try:
            return delivery.parse(written, web_only)
        except delivery.AddressError as error:
            self._display.warning(f"{host}: rescue502_{name}: {error}")
            return []

    def _keep(self, target: Target, data: Record) -> str | None:
        """Have the host keep the report: what people were notified of before; None where it could not."""
        text = json.dumps(data, ensure_ascii=False, default=str)
        answer = target.run(
            "kept_reports", {"state": "kept", "incident": data["incident"], "record": text}, "last_news"
        )
        if "last_news" not in answer:
            self._display.warning(f"{data['host']}: {complaint(answer, 'kept_reports')}")
            return None
        return str(answer["last_news"])


def is_kept(data: Record) -> bool:
    """Whether the host keeps this report: only of a run that may change it."""
    return data["mode"] == "recover" and data["outcome"] not in NOT_KEPT


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
