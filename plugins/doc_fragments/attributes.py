# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several modules say of check mode and diff mode."""

from __future__ import annotations


class ModuleDocFragment:
    """What `rescue502.django.attributes` adds, and `rescue502.django.attributes.looks_only` of what changes nothing."""

    DOCUMENTATION = r"""
attributes:
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

    LOOKS_ONLY = r"""
attributes:
  check_mode:
    description: Changes nothing, in check mode or out of it.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""
