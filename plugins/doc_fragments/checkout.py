# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option of the modules that work on the app's git checkout; module_utils/services/git.py finds its top."""

from __future__ import annotations


class ModuleDocFragment:
    """What `extends_documentation_fragment: rescue502.django.checkout` adds."""

    DOCUMENTATION = r"""
options:
  root:
    description: The app's folder, or any folder of the checkout.
    type: path
    required: true
"""
