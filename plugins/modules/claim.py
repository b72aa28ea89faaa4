#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a host's lock for one run, report which remedies' budget is exhausted on it, and release the lock."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: claim
short_description: Take a host's lock for one run, and release it
version_added: 0.3.0
description:
  - Takes the lock of the host (flock), which a process of its own holds for as long as the run lives, and no longer.
    Where another run holds it, says which, and changes nothing.
  - Says which of the remedies that are about to be applied were applied in vain too often lately, and remembers those
    that were not, in C(/var/lib/rescue502/history.jsonl). A run that was interrupted or taken back does not count.
  - Takes no lock where the host is paused (M(rescue502.django.pause)), or by O(maintenance), and says so. A run that
    has the lock already goes on to its end.
  - Waits for a lease, which is another program of root's that has the lock, as under C(flock), as long as for others.
  - Waits for others at work on the app, such as a deployment, an installation or the system's package manager, and says
    who still is after O(others_patience) seconds. Their work is never touched.
  - Used in a playbook it is an action that adds the run and the controller by itself.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says who holds the lock and what was tried too often; takes and writes nothing.
    support: full
options:
  state:
    description: Whether to take the lock, to release it, or only to report who else has it.
    type: str
    choices: [held, released, seen]
    default: held
  incident:
    description: The run's id.
    type: str
    required: true
  host:
    description: The host's name in the inventory.
    type: str
    required: true
  controller:
    description: Where the run is steered from, for a run that finds the lock taken.
    type: dict
    default: {}
  abandoned:
    description: Id of a run that is known to be dead; what it began is waited for, then its lock is taken.
    type: str
    default: ''
  patience:
    description: For how many seconds to wait for what a dead run began.
    type: float
    default: 60
  unit:
    description: The app's systemd unit.
    type: str
    default: ''
  root:
    description: The app's folder. Others at work there are looked for only where it is given.
    type: str
    default: ''
  venv:
    description: The app's virtual environment.
    type: str
    default: ''
  database:
    description: The name of the app's database on this host; where it is empty any database may be the app's.
    type: str
    default: ''
  starts:
    description: What is about to be started. Who copies it while it is down is at work on it too.
    type: list
    elements: str
    choices: [app, database, proxy]
    default: []
  others_patience:
    description: For how many seconds others at work on the app are waited for.
    type: float
    default: 60
  maintenance:
    description: The inventory's maintenance window that is open now, with C(until), C(by) and C(reason).
    type: dict
    default: {}
  remedies:
    description: What is about to be applied, each with its C(remedy) and its C(causes).
    type: list
    elements: dict
    default: []
  budget:
    description:
      - In how many runs a remedy may be applied in vain for the same cause within O(window).
      - Where the site was well after it and the cause came back, it may be applied three times as often.
    type: int
    default: 3
  window:
    description: For how many seconds a try counts.
    type: float
    default: 3600
  facts:
    description: What to remember of the run when it releases the lock.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: No other run is at work on the host
  rescue502.django.claim:
    state: held
"""

RETURN = r"""
held:
  description: Whether this run has the lock.
  returned: success
  type: bool
holder:
  description: >-
    The run that has it, if any, with its C(incident), C(host), C(controller), and C(since) when, in seconds; or the
    C(lease), the name of a program, with its C(pid) and C(account).
  returned: success
  type: dict
at_work:
  description: Ids of that run's processes on this host.
  returned: where another run has the lock
  type: list
  elements: int
others:
  description: Who else is at work on the app, each with C(what), C(pid), C(account), C(since) in seconds, C(where).
  returned: success
  type: list
  elements: dict
paused:
  description: Until when no run is to change this host, with C(until) in seconds since the epoch, C(by) and C(reason).
  returned: success
  type: dict
waited:
  description: For how many seconds the lock was waited for; what was planned before may be done by now.
  returned: success
  type: float
exhausted:
  description: Which of the remedies were tried too often, each with C(remedy), C(causes) and C(times).
  returned: success
  type: list
  elements: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.run import budget, history, pause
from ansible_collections.rescue502.django.plugins.module_utils.run.run_lock import Lock
from ansible_collections.rescue502.django.plugins.module_utils.run.run_processes import at_work
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work

ARGUMENTS = {
    "state": {"type": "str", "choices": ["held", "released", "seen"], "default": "held"},
    "incident": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "controller": {"type": "dict", "default": {}},
    "abandoned": {"type": "str", "default": ""},
    "patience": {"type": "float", "default": 60},
    "unit": {"type": "str", "default": ""},
    "root": {"type": "str", "default": ""},
    "venv": {"type": "str", "default": ""},
    "database": {"type": "str", "default": ""},
    "starts": {"type": "list", "elements": "str", "choices": ["app", "database", "proxy"], "default": []},
    "others_patience": {"type": "float", "default": 60},
    "maintenance": {"type": "dict", "default": {}},
    "remedies": {"type": "list", "elements": "dict", "default": []},
    "budget": {"type": "int", "default": 3},
    "window": {"type": "float", "default": 3600},
    "facts": {"type": "dict", "default": {}},
}
NOTHING: dict[str, Any] = {"held": False, "holder": {}, "waited": 0.0, "exhausted": [], "others": [], "paused": {}}


def remember(module: AnsibleModule, event: str, facts: list[dict[str, Any]]) -> None:
    """Write the history; a disk that takes nothing more must not keep it from being repaired."""
    try:
        history.append(event, facts)
    except OSError as error:
        module.warn(f"the history of this host could not be written, so tries are not counted: {error}")


def hold(module: AnsibleModule, lock: Lock) -> dict[str, Any]:
    """Take the lock, and judge what is about to be done."""
    given = module.params
    tried_out = budget.exhausted(given)
    result = {**NOTHING, "exhausted": tried_out, "paused": paused(given, lock)}
    if module.check_mode:
        found, _waited = strangers(given, 0)
        return {**result, "holder": lock.other(), "others": found}
    if result["paused"]:
        return result
    holder, waited = lock.take(given["abandoned"], given["patience"], given["others_patience"])
    held = lock.is_own(holder)
    result.update(held=held, holder=holder, waited=round(waited, 3))
    if not held:
        return {**result, "at_work": at_work(str(holder.get("incident", "")))}
    found, waited_for_others = strangers(given, given["others_patience"])
    result.update(others=found, waited=round(waited + waited_for_others, 3))
    if not found and not waited + waited_for_others >= 0.1:
        names = [item["remedy"] for item in tried_out]
        fresh = [item for item in given["remedies"] if item["remedy"] not in names]
        run = {"incident": given["incident"], "unit": given["unit"]}
        remember(module, history.BEGUN, [{**run, **item} for item in fresh])
    return result


def strangers(given: dict[str, Any], seconds: float) -> tuple[list[dict[str, Any]], float]:
    """(others at work on the app after at most so many seconds, seconds waited for them); none of an unknown app."""
    if not given["root"]:
        return [], 0.0
    app = others_at_work.App(
        given["root"], given["venv"], given["unit"], given["database"], starts=tuple(given["starts"])
    )
    found, waited = others_at_work.wait(app, seconds)
    # To find nobody takes a moment too, and is no wait.
    return found, waited if found or waited >= others_at_work.POLL_SECONDS else 0.0


def paused(given: dict[str, Any], lock: Lock) -> dict[str, Any]:
    """What keeps every run from beginning here: a pause, or a maintenance window. A run under way goes on."""
    if lock.is_held() and lock.is_own(lock.holder()):
        return {}
    return given["maintenance"] or pause.current()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    takes = given["state"] == "held" and not module.check_mode
    lock = Lock(given["incident"], given["host"], given["controller"], make=takes)
    if given["state"] == "held":
        module.exit_json(changed=False, **hold(module, lock))
    if given["state"] == "released" and not module.check_mode:
        # A run that came to do nothing leaves no line.
        if given["facts"] and (given["facts"].get("actions") or history.has_begun(given["incident"])):
            run = {"incident": given["incident"], "unit": given["unit"]}
            remember(module, history.CONCLUDED, [{**run, **given["facts"]}])
        lock.release()
    module.exit_json(changed=False, **{**NOTHING, "holder": lock.other(), "paused": paused(given, lock)})


if __name__ == "__main__":
    main()
