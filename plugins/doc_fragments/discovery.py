# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options by which an app is found on its host; module_utils/probe/options.py takes them as DISCOVERY."""

from __future__ import annotations


class ModuleDocFragment:
    """The options that `extends_documentation_fragment: rescue502.django.discovery` adds."""

    DOCUMENTATION = r"""
options:
  unit:
    description: The app's systemd unit. Not needed where one unit of the host runs gunicorn.
    type: str
    default: ''
  root:
    description: Folder of C(manage.py). Discovered from the unit unless given.
    type: str
    default: ''
  venv:
    description: The virtual environment. Discovered from C(ExecStart=) unless given.
    type: str
    default: ''
  user:
    description: The user that the app runs as. Discovered from the unit unless given.
    type: str
    default: ''
  group:
    description: The group that the app runs as. Discovered from the unit unless given.
    type: str
    default: ''
  env_file:
    description: A file of variables besides those that the unit names.
    type: str
    default: ''
  requirements:
    description: The file of requirements in use. Found by what is installed unless given.
    type: str
    default: ''
  database_unit:
    description: The unit that runs PostgreSQL; empty where the database is on another host. Discovered unless given.
    type: str
"""
