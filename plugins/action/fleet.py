# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What concerns all hosts of a run: whose turn it is to be repaired, and the table and artifacts at its end."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.rescue502.django.plugins.plugin_utils.report import conclusion, fleet_table
from ansible_collections.rescue502.django.plugins.plugin_utils.run import output, settings
from ansible_collections.rescue502.django.plugins.plugin_utils.run.brake import Brake, decide
from ansible_collections.rescue502.django.plugins.plugin_utils.run.incident import Incident, RecordError
from ansible_collections.rescue502.django.plugins.plugin_utils.run.verdict import judge

CUT_OFF = "the run was cut off on this host before it ended"
NOT_LOOKED_AT = "the run ended on this host before it was looked at, as Ansible's own message for it says"


class ActionModule(ActionBase):  # type: ignore[misc]
    """The `rescue502.django.fleet` task, once for all hosts (`run_once`). It works on their records alone."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset(("state", "mode", "hosts"))

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """state `ordered`: who is repaired when, and reported; `handed_on`: artifacts; `summed_up`: the table."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        hosts = [str(host) for host in self._task.args.get("hosts") or task_vars["ansible_play_hosts_all"]]
        try:
            given = settings.read(task_vars, self._templar)
            mode = str(self._task.args.get("mode", "recover"))
            records = [Incident(given.reports, given.incident, host, mode) for host in hosts]
        except (settings.SettingsError, RecordError) as error:
            raise AnsibleActionFail(str(error)) from error
        if self._task.args["state"] == "ordered":
            here = set(task_vars["ansible_play_hosts"])
            result.update(self._order(given.brake, records, here))
        elif self._task.args["state"] == "handed_on":
            _close(records)
            data = conclusion.artifacts(record.data for record in records)
            result["ansible_stats"] = {"data": data, "aggregate": True, "per_host": False}
        else:
            table = fleet_table.render([record.data for record in records], given.slice_words)
            result.update(msg=output.text("\n".join(table)), _ansible_verbose_always=True)
        return {"changed": False, **result}

    def _order(self, brake: Brake, records: list[Incident], here: set[str]) -> dict[str, Any]:
        """Decide who is repaired when, and whose incident is reported. here: hosts that have not failed so far."""
        known = [record for record in records if record.path.exists()]
        waiting = [record.data["host"] for record in known if not record.is_concluded() and record.data["host"] in here]
        if self._task.check_mode:
            brake = Brake(most=len(records))
        turns = decide([record.data for record in known], waiting, brake)
        for record in known:
            host = record.data["host"]
            if host in turns.behind:
                record.put_behind(*turns.behind[host])
                record.save()
            elif host in turns.held:
                record.hold(turns.held[host])
                record.conclude(*judge(record.data, check_mode=False))
        repair = [host for step in turns.steps for host in step]
        sizes = [len(step) for step in turns.steps]
        ill = [host for host in _names(known) if host in here and host not in _healthy(known)]
        witness = _witness(known, here, repair)
        # Ansible ends the run where it loses all hosts of a play, as it would the only one that is repaired.
        company = [witness] if witness and repair else []
        sizes = [sizes[0] + len(company), *sizes[1:]] if sizes else []
        report = list(dict.fromkeys([*ill, *(company or ([] if ill else [witness]))]))
        for line in turns.words():
            self._display.warning(line)
        return {
            "hosts": _names(records),
            "repair": repair,
            "play": [*company, *repair],
            "steps": sizes,
            "report": report,
            "table_on": witness or report[0],
        }


def _close(records: list[Incident]) -> None:
    """Conclude what the run has lost: it ended there before it could do so itself."""
    for record in records:
        if not record.is_concluded():
            record.conclude("failed", CUT_OFF if record.data["passes"] else NOT_LOOKED_AT)


def _witness(records: list[Incident], here: set[str], repair: list[str]) -> str:
    """A host on which nothing is done, and which cannot be lost therefore; empty where there is none."""
    settled = [record.data for record in records if record.data["host"] in here and record.data["host"] not in repair]
    settled.sort(key=lambda data: (data["outcome"] == "unreachable", data["outcome"] == "healthy"))
    return next((data["host"] for data in settled), "")


def _healthy(records: list[Incident]) -> list[str]:
    return [record.data["host"] for record in records if record.data["outcome"] == "healthy"]


def _names(records: list[Incident]) -> list[str]:
    return [record.data["host"] for record in records]
