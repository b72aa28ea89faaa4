# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app's own database settings, the password included: for use on the target, never to be returned or printed."""

from __future__ import annotations

import json

from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import App

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


def database(app: App) -> dict[str, str]:
    """Engine, name, user, password, host and port of the default database, as the app's user sees them.

    Raises SettingsError where the settings do not load.
    """
    done = app.python(["-c", _SCRIPT], TIMEOUT)
    try:
        values: dict[str, str] = json.loads(done.stdout.rpartition("\0")[2])
    except ValueError as error:
        raise SettingsError("the app's settings do not load; a diagnosis says why") from error
    return values
