# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin watch, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: watch
short_description: Ask a host's site from the controller, without a connection to the host
version_added: 0.4.0
description:
  - Asks those checks of C(rescue502_edge) whose address means the same on the controller; once more where one fails.
  - Fails where there is no such check, since nobody would see an outage then.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Asks, and remembers nothing.
    support: full
options:
  again:
    description: After how many seconds a site that does not answer as wanted is asked again.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Sites that are down are known
  rescue502.django.watch:
  register: rescue502_watched
"""

RETURN = r"""
is_down:
  description: Whether the site failed both times, and nobody was sent there within the last five minutes.
  returned: success
  type: bool
report:
  description: What is wrong with it, in one line; empty where nothing is.
  returned: success
  type: list
  elements: str
"""
