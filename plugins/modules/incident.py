# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin incident, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: incident
short_description: Record a remedy in an incident, or conclude it
version_added: 0.1.0
description:
  - Keeps the record of a run on the controller. Where the run held the target's lock, concluding it releases that.
  - Concluding it judges the run, writes the reports, and fails where the site is left broken.
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
    choices: [repaired, not_repaired, concluded]
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
"""

EXAMPLES = r"""
- name: The incident is reported
  rescue502.django.incident:
    state: concluded
"""

RETURN = r"""
outcome:
  description: One of healthy, recovered, degraded, needs-approval, needs-human, failed, unreachable, locked, planned.
  returned: when concluded
  type: str
report:
  description: The record's file on the controller.
  returned: when concluded
  type: str
"""
