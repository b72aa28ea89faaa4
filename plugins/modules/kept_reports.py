#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the report of an incident on its host, or read those that are kept there."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: kept_reports
short_description: Keep the report of an incident on its host, or read those that are kept there
version_added: 0.4.0
description:
  - Reports are kept in C(/var/lib/rescue502/reports), which root alone may enter; the newest twenty, 10 MiB at most.
  - Used in a playbook with O(state=read) it is an action that writes them to C(rescue502_reports) on the controller.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Reads; keeps nothing.
    support: full
options:
  state:
    description: Whether to keep one, or to read some.
    type: str
    choices: [kept, read]
    default: read
  incident:
    description: The incident's id; of those to read the newest unless given.
    type: str
    default: ''
  record:
    description: The report to keep, as JSON; empty for none.
    type: str
    default: ''
  news:
    description: The fingerprint of what people were notified of now; empty for nothing.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: The report of the last incident is on the controller
  rescue502.django.kept_reports:
  become: true
"""

RETURN = r"""
known:
  description: Ids of the incidents that the host has a report of, the oldest first.
  returned: success
  type: list
  elements: str
record:
  description: The report that was read; empty where there is none.
  returned: success
  type: dict
last_news:
  description: The fingerprint of what was notified of before.
  returned: success
  type: str
report:
  description: Lines for a person; of the action alone.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline
from ansible_collections.rescue502.django.plugins.module_utils.run import kept_reports

ARGUMENTS = {
    "state": {"type": "str", "choices": ["kept", "read"], "default": "read"},
    "incident": {"type": "str", "default": ""},
    "record": {"type": "str", "default": ""},
    "news": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, before, record = module.params, kept_reports.last_news(baseline.last_well()), {}
    if given["state"] == "kept" and not module.check_mode:
        try:
            if given["record"]:
                kept_reports.keep(given["incident"], given["record"])
            if given["news"]:
                kept_reports.remember_news(given["news"])
        except (OSError, ValueError) as error:
            module.fail_json(msg=f"the report could not be kept: {error}")
    known = kept_reports.kept()
    if given["state"] == "read" and known:
        record = kept_reports.read(given["incident"] or known[-1])
    module.exit_json(changed=False, known=known, record=record, last_news=before)


if __name__ == "__main__":
    main()
