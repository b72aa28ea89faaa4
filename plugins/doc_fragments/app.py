# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the modules that run something as a Django app would be run; module_utils/manage_command.py takes them."""

from __future__ import annotations


class ModuleDocFragment:
    """What `extends_documentation_fragment: rescue502.django.app` adds; `….app.account` adds the account alone."""

    DOCUMENTATION = r"""
options:
  unit:
    description: The app's systemd unit, whose environment is used.
    type: str
    required: true
  root:
    description: Folder of C(manage.py).
    type: path
    required: true
  venv:
    description: The virtual environment; empty for the system's own Python.
    type: str
    default: ''
  user:
    description: Whom the app runs as.
    type: str
    required: true
  group:
    description: The group that the app runs as. The user's own unless given.
    type: str
    default: ''
  settings_module:
    description: Value for C(DJANGO_SETTINGS_MODULE) where the environment does not have it.
    type: str
    default: ''
"""

    ACCOUNT = r"""
options:
  user:
    description: The user that the app runs as.
    type: str
    required: true
  group:
    description: The group that the app runs as. The user's own unless given.
    type: str
    default: ''
"""
