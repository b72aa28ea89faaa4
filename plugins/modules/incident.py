# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin incident, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: incident
short_description: Record a remedy in an incident, or that it was taken back; conclude or report it
version_added: 0.1.0
description:
  - Keeps the record of a run on the controller. Where the run held the target's lock, concluding it releases that.
  - Concluding it judges the run, writes the reports and returns what came of it as data.
  - Reporting it notifies C(rescue502_notify) where it is news, sends it to C(rescue502_report_to) and has its host keep
    it (M(rescue502.django.kept_reports)), none of which can fail the run. Then it prints it, and fails where its
    outcome is one of C(rescue502_fail_on).
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Writes the record all the same; it is on the controller.
    support: full
options:
  state:
    description: What to record.
    type: str
    required: true
    choices: [repaired, not_repaired, taken_back, not_taken_back, failed, concluded, reported]
  mode:
    description: What the run is for, where no look has opened the record yet.
    type: str
    default: recover
  remedy:
    description: The remedy that was applied.
    type: str
  causes:
    description: The failure modes that it was applied for.
    type: list
    elements: str
  message:
    description: Why it failed, or what came of taking it back.
    type: str
  marks:
    description: The remedies that were in vain, by the names that a look gives them.
    type: list
    elements: str
  closes:
    description: Whether the closing table is to be a task of this host, so that it is not reported as unreachable.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The incident is concluded
  rescue502.django.incident:
    state: concluded
  register: rescue502_concluded

- name: The incident is reported
  rescue502.django.incident:
    state: reported
"""

RETURN = r"""
outcome:
  description: >-
    One of healthy, recovered, degraded, needs-approval, needs-human, failed, harmed, unreachable, locked, planned.
  returned: when concluded
  type: str
root_causes:
  description: The failure modes that took the site down.
  returned: when concluded
  type: list
  elements: str
awaiting:
  description: Approvals that are waited for, each with its host, as C(rescue502_approve) takes them.
  returned: when concluded
  type: list
  elements: str
  sample: [code/syntax-error@web1]
by_hand:
  description: What a person does, by failure mode.
  returned: when concluded
  type: dict
actions:
  description: What was done, each with remedy, for, changed, ok, seconds and taken_back.
  returned: when concluded
  type: list
  elements: dict
undo:
  description: The incident's id where something can be taken back, as C(rescue502_undo) takes it; else empty.
  returned: when concluded
  type: str
seconds:
  description: How long the run took for this host.
  returned: when concluded
  type: float
report:
  description: The record's file on the controller.
  returned: when concluded
  type: str
"""
