# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take back what an incident's remedies changed on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: undo
short_description: Take back what an incident's remedies changed
version_added: 0.3.0
description:
  - Walks the incident's record on the host backwards and restores owners and modes, contents, folders, virtual
    environments, commits, units and memberships.
  - Restores only what is still as the remedy left it. What somebody has changed since is left alone, and the task fails
    with a list of it.
  - Reports what cannot be taken back, such as a migration, with the command for a person. Restarts nothing; where unit
    files are restored, systemd loads them anew.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be taken back.
    support: full
options:
  incident:
    description: The incident's id, as in the run's output and reports.
    type: str
    required: true
  remedies:
    description: >-
      Which of its remedies, by the names that the run gave them in its record; all of them where none is named.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: What the run has changed is as it was
  rescue502.django.undo:
    incident: 20260131T120000Z-ab12cd
  become: true
"""

RETURN = r"""
found:
  description: Whether this host has a record of that incident.
  returned: always
  type: bool
known:
  description: The incidents that this host has a record of.
  returned: always
  type: list
  elements: str
undone:
  description: What was taken back, or would be in check mode.
  returned: when found
  type: list
  elements: str
left:
  description: What was left alone, C(what) and C(why).
  returned: when found
  type: list
  elements: dict
by_hand:
  description: What cannot be taken back, C(what), and what a person can do, C(by_hand).
  returned: when found
  type: list
  elements: dict
reload_nginx:
  description: Whether nginx has to be reloaded for this to hold.
  returned: when found
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.remedies import undo
from ansible_collections.rescue502.django.plugins.module_utils.run import history, undo_log


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "incident": {"type": "str", "required": True},
            "remedies": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    incident, known = module.params["incident"], undo_log.known()
    # Only a name that is there is ever made a part of a path.
    if incident not in known:
        module.exit_json(changed=False, found=False, known=known)
    try:
        result = undo.take_back(incident, module.check_mode, module.params["remedies"])
    except OSError as error:
        module.fail_json(msg=f"the record of {incident} cannot be read: {error}. Nothing was changed.")
    if not module.check_mode:
        try:
            history.append(history.UNDONE, [{"incident": incident}])
        except OSError as error:
            module.warn(f"the history of this host could not be written, so that run still counts as a try: {error}")
    module.exit_json(changed=bool(result["undone"]), found=True, known=known, **result)


if __name__ == "__main__":
    main()
