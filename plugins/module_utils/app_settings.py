# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app's own database settings, the password included: for use on the target, never to be returned or printed."""

from __future__ import annotations

import json
import os

from ansible_collections.rescue502.django.plugins.module_utils import app_process, credentials, systemd

TIMEOUT = 20.0
# Settings may print whatever they like, so the answer comes last, after a mark.
_SCRIPT = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from django.conf import settings
values = settings.DATABASES["default"]
names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
sys.stdout.write("\\n\\0" + json.dumps({name.lower(): str(values.get(name) or "") for name in names}))
"""


class SettingsError(Exception):
    """The settings could not be read; the text says why without their content."""


def database(unit: str, root: str, venv: str, user: str, group: str, settings_module: str) -> dict[str, str]:
    """Engine, name, user, password, host and port of the default database, as the app's user sees them.

    Raises SettingsError where the settings do not load.
    """
    properties = systemd.show(unit)
    environment, _problems = systemd.unit_environment(properties)
    secrets, _missing = credentials.read(properties)
    if settings_module:
        environment.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    python = os.path.join(venv, "bin", "python") if venv else "/usr/bin/python3"
    try:
        with credentials.folder(secrets, user, group or None) as variables:
            environment.update(variables)
            done = app_process.run_as(user, group or None, [python, "-c", _SCRIPT], environment, root, TIMEOUT)
        told: dict[str, str] = json.loads(done.stdout.rpartition("\0")[2])
    except KeyError as error:
        raise SettingsError(f"no such account: {error.args[0]}") from error
    except ValueError as error:
        raise SettingsError("the app's settings do not load; a diagnosis says why") from error
    return told
