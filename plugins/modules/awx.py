# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin awx, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: awx
short_description: Make, keep, export or remove objects in AWX
version_added: 0.4.0
description:
  - Asks AWX for each object first, and sends only what differs; a second run sends nothing.
  - Each object that it makes bears a sentence in its description. One of the same name without that sentence is
    somebody else's, and is neither changed nor removed.
  - What stands in C(awx/) of this collection is made with it.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Asks, returns what would be changed, and sends nothing.
    support: full
options:
  url:
    description: The address of AWX, without C(/api).
    type: str
    required: true
  token:
    description: An OAuth 2 token of an account that may make these objects.
    type: str
  username:
    description: The account, where there is no token.
    type: str
  password:
    description: Its password.
    type: str
  validate_certs:
    description: Whether the certificate of AWX must be valid.
    type: bool
    default: true
  state:
    description: C(exported) returns the objects as they are in AWX.
    type: str
    default: present
    choices: [present, absent, exported]
  objects:
    description: >-
      What is to be there, in an order in which each names only what stands before it, or what is in AWX already.
      C(kind) is the name of AWX's list, such as C(job_templates); C(name), C(description) and all else are AWX's own
      fields, with names in the place of ids, or C({kind: name}) where a field takes several kinds. C(wanted), when
      false, leaves an object out. C(survey) is a template's survey; C(linked) has by the name of AWX's list, such as
      C(credentials), the names of what is linked to it; C(nodes) are a workflow's; C(roles) what a team may do.
    type: list
    elements: dict
    required: true
  sync_seconds:
    description: How long the first update of a project may take.
    type: float
    default: 300
"""

EXAMPLES = r"""
- name: The project is in AWX
  rescue502.django.awx:
    url: https://awx.example.org
    token: "{{ lookup('ansible.builtin.env', 'CONTROLLER_OAUTH_TOKEN') }}"
    objects:
      - kind: projects
        name: rescue502
        organization: Default
        scm_type: git
        scm_url: https://git.example.org/rescue502.git
"""

RETURN = r"""
changes:
  description: What was, or would be, made, changed or removed, in words.
  returned: when present or absent
  type: list
  elements: str
left:
  description: What was not removed because it is not ours.
  returned: when absent
  type: list
  elements: str
objects:
  description: The objects as AWX has them, in the form of the option of that name.
  returned: when exported
  type: list
  elements: dict
yaml:
  description: The same as a file for C(-e @FILE); what could be a template of Ansible's is marked as none.
  returned: when exported
  type: str
"""
