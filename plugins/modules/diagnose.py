# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin diagnose, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: diagnose
short_description: Probe, diagnose and plan in one task
version_added: 0.1.0
description:
  - Runs M(rescue502.django.probe) on the target, diagnoses its evidence on the controller and plans the repair.
  - Changes nothing on the target. Where the plan of a recovery holds anything, the target's lock is taken for this run
    (M(rescue502.django.claim)). Where I(mode) is C(recover) or C(verify) and all is well, it keeps its state as the
    last good one in rescue502's own folder, so that a later diagnosis can report what has changed since
    (M(rescue502.django.baseline)).
  - The incident's record is kept in C(rescue502_reports) on the controller.
  - Reads its settings from the host's C(rescue502_*) variables, which README.md lists.
extends_documentation_fragment: [rescue502.django.attributes.looks_only]
author:
  - rescue502 maintainers (@rescue502)
options:
  mode:
    description:
      - What the run is for, as the record will say.
      - C(recover) needs root. The others only look; without root they leave out, and list, what only root may read.
    type: str
    choices: [diagnose, recover, verify]
    default: diagnose
  level:
    description: How much to look at; C(stack) only discovers the app. C(rescue502_level) unless given.
    type: str
    choices: [auto, full, stack]
  hold:
    description: Whether a well edge must stay well for C(rescue502_hold_seconds).
    type: bool
    default: false
  conclude:
    description:
      - Whether to conclude the incident where this look is all that is to be done, as on a healthy host, or where
        I(mode) is not C(recover). What is to be repaired is left to a later task, which also takes the lock.
      - A host that cannot be reached does not fail the task then; its incident says so.
    type: bool
    default: false
  look:
    description: What the run's first look at this host returned. It is not looked at again where that was just now.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: The cause is known
  rescue502.django.diagnose:
  become: true
  register: look

- name: The root causes are shown
  ansible.builtin.debug:
    var: look.root_causes
"""

RETURN = r"""
stack:
  description: The app on this host, as it was discovered.
  returned: success
  type: dict
root_causes:
  description: Ids of the failure modes of severity C(outage) that nothing explains.
  returned: when the level is not stack
  type: list
  elements: str
also_found:
  description: Ids of those that nothing explains either, and that take no site down.
  returned: when the level is not stack
  type: list
  elements: str
probe:
  description: The host's settings that M(rescue502.django.probe) takes.
  returned: when the level is stack
  type: dict
bundle:
  description: Where on the controller a bundle of this host belongs.
  returned: when the level is stack
  type: str
plan:
  description: The remedies to apply, from the ground up, those that bring the site back before any other.
  returned: when the level is not stack
  type: list
  elements: dict
run_folder:
  description: A folder for them that a run has to itself, and that goes with it; there once the run has the lock.
  returned: success
  type: str
temporary:
  description: A folder for Ansible's own temporary files where the host's usual ones are full; else empty.
  returned: when the level is not stack
  type: str
incident:
  description: The run's id.
  returned: success
  type: str
ends:
  description: When no further remedy is begun, in seconds since the epoch on the controller.
  returned: when the level is not stack
  type: float
bundle_due:
  description: Whether remedies were tried too often, so that a bundle for an expert is due.
  returned: when the level is not stack
  type: bool
looked:
  description: When the host was looked at, in seconds since the epoch on the controller.
  returned: when the level is not stack
  type: float
concluded:
  description: Whether the incident is concluded; then this also returns what M(rescue502.django.incident) does.
  returned: when the level is not stack
  type: bool
done:
  description: Whether nothing is left to try.
  returned: when the level is not stack
  type: bool
"""
