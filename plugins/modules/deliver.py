# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin deliver, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deliver
short_description: Keep a concluded incident's report on its host, send it on, and notify people where it is news
version_added: 0.4.0
description:
  - Sends the report to C(rescue502_report_to), and a few lines to C(rescue502_notify) where they are news.
  - Where the run may change the host, the host keeps the report too (M(rescue502.django.kept_reports)).
  - Never fails; what does not arrive within ten seconds is a warning, which shows no more of an address than its host.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Does nothing.
    support: full
options: {}
"""

EXAMPLES = r"""
- name: Those who are to know of the incident do
  rescue502.django.deliver:
"""

RETURN = r"""
kept:
  description: Whether the host has kept the report.
  returned: success
  type: bool
notified:
  description: Whether the incident was news.
  returned: success
  type: bool
"""
