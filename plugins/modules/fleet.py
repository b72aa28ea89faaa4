# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin fleet, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fleet
short_description: Decide whose turn it is to be repaired, and sum up a run on many hosts
version_added: 0.4.0
description:
  - Works on the records that the hosts of a run have on the controller, once for all of them (C(run_once)).
  - Where more hosts than C(rescue502_max_broken) show the same cause, C(rescue502_canary) of them are repaired first,
    then the others in steps, as long as each step holds. Where what they share is a dependency elsewhere that is down,
    nothing is done on them.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Nothing is repaired, so the brake is not applied.
    support: full
options:
  state:
    description: >-
      C(ordered) decides on the order of repairs; C(handed_on) concludes what the run has lost and hands on the
      artifacts, as set_stats does; C(summed_up) prints the table.
    type: str
    required: true
    choices: [ordered, handed_on, summed_up]
  mode:
    description: What the run is for.
    type: str
    default: recover
  hosts:
    description: The run's hosts; those of the play unless given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: The order of repairs is decided
  rescue502.django.fleet:
    state: ordered
  run_once: true
  register: rescue502_turns

- name: What came of the run is handed on
  rescue502.django.fleet:
    state: handed_on
    hosts: "{{ rescue502_turns.hosts }}"
  run_once: true

- name: The run is summed up
  rescue502.django.fleet:
    state: summed_up
    hosts: "{{ rescue502_turns.hosts }}"
  run_once: true
"""

RETURN = r"""
hosts:
  description: The run's hosts.
  returned: when ordered
  type: list
  elements: str
repair:
  description: Hosts to repair, in the order of their turns.
  returned: when ordered
  type: list
  elements: str
play:
  description: The same, and one host on which nothing is done, so that Ansible never loses all hosts of their play.
  returned: when ordered
  type: list
  elements: str
steps:
  description: How many hosts of that play are taken side by side, step by step.
  returned: when ordered
  type: list
  elements: int
report:
  description: Hosts whose incident is reported.
  returned: when ordered
  type: list
  elements: str
table_on:
  description: The host that the closing table is a task of.
  returned: when ordered
  type: str
"""
