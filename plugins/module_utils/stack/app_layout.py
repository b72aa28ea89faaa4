# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the app's own parts are: its virtual environment, manage.py, settings and environment files."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, system_python, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unread

# Programs that are installed into the environment that they run in.
_OF_PYTHON = re.compile(r"^python[\d.]*$")
_SETTINGS = re.compile(r"""setdefault\(\s*['"]DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""")


def prefix(properties: dict[str, str]) -> str:
    """The folder two above the program that ExecStart runs, unless that is the system's own."""
    found = _program(properties)
    return os.path.dirname(os.path.dirname(found)) if found else ""


def venv(properties: dict[str, str], root: str) -> str:
    """The virtual environment that ExecStart starts a program from; empty where that is not known.

    One that is missing is known by the program that is missing with it: an app server, or Python. Any other program's
    folder may be anything, such as the app's own: `<root>/bin/start.sh`.
    """
    program, folder = _program(properties), prefix(properties)
    if not folder or virtual_env.holds(folder, root):
        return ""
    if virtual_env.is_one(folder):
        return folder
    name = os.path.basename(program)
    of_python = bool(gunicorn_config.server_name([program]) or _OF_PYTHON.match(name))
    # Of what this account may not look at, the name has to do.
    gone = bool(unread.hidden(program)) or (not os.path.lexists(program) and virtual_env.is_vacant(folder))
    return folder if of_python and gone else ""


def python(properties: dict[str, str], venv: str) -> str:
    """The app's interpreter: its virtual environment's, else the one next to its program, else the system's.

    It may not exist: then the app cannot run either.
    """
    folder = venv or prefix(properties)
    if not folder:
        return system_python.path()
    candidates = [os.path.join(folder, "bin", name) for name in ("python", "python3")]
    return next((path for path in candidates if os.path.exists(path)), candidates[0])


def _program(properties: dict[str, str]) -> str:
    """The first program in ExecStart that is not the system's own; empty where there is none."""
    for word in systemd.exec_argv(properties.get("ExecStart", "")):
        is_program = word.startswith("/") and "/bin/" in word
        if is_program and os.path.dirname(os.path.dirname(word)) not in virtual_env.SYSTEM_PREFIXES:
            return word
    return ""


def manage_py(folder: str) -> str:
    """manage.py in the folder, above it, or one level below it."""
    near = [folder, os.path.dirname(folder)]
    for place in near:
        if place not in virtual_env.SYSTEM_PREFIXES and os.path.isfile(os.path.join(place, "manage.py")):
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
