# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the app's own parts are: its virtual environment, manage.py, settings and environment files."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

SYSTEM_PREFIXES = ("", "/", "/usr", "/usr/local", "/bin")
_SETTINGS = re.compile(r"""setdefault\(\s*['"]DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""")


def venv(properties: dict[str, str]) -> str:
    """The folder two above the program that ExecStart runs, unless that is the system's own."""
    for word in systemd.exec_argv(properties.get("ExecStart", "")):
        if "/bin/" in word and word.startswith("/"):
            prefix = os.path.dirname(os.path.dirname(word))
            if prefix not in SYSTEM_PREFIXES:
                return prefix
    return ""


def manage_py(folder: str) -> str:
    """manage.py in the folder, above it, or one level below it."""
    near = [folder, os.path.dirname(folder)]
    for place in near:
        if place not in SYSTEM_PREFIXES and os.path.isfile(os.path.join(place, "manage.py")):
            return os.path.join(place, "manage.py")
    below = sorted(glob.glob(os.path.join(glob.escape(folder), "*", "manage.py"))) if folder != "/" else []
    return below[0] if len(below) == 1 else ""


def settings_module(root: str, cwd: str, app: str) -> str:
    """The default that the app's wsgi module or manage.py sets."""
    module = app.partition(":")[0].replace(".", "/") + ".py"
    for path in (os.path.join(cwd, module), os.path.join(root, module), os.path.join(root, "manage.py")):
        try:
            match = _SETTINGS.search(safe_files.text(path, 65536))
        except OSError:
            continue
        if match:
            return match.group(1)
    return ""


def env_files(given: dict[str, Any], properties: dict[str, str], root: str) -> list[str]:
    """The unit's environment files, and a .env that the settings may load by themselves."""
    paths = [path for path, _optional in systemd.environment_file_paths(properties.get("EnvironmentFiles", ""))]
    if given.get("env_file"):
        paths.append(given["env_file"])
    if os.path.lexists(os.path.join(root, ".env")):
        paths.append(os.path.join(root, ".env"))
    return list(dict.fromkeys(os.path.normpath(path) for path in paths))
