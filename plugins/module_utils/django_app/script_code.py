# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as part of script_rehearsal.py: whether the app's code compiles, all of it."""

from __future__ import annotations

import os
import time

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import short

COMPILE_SECONDS = 3.0
SKIP_FOLDERS = {".git", "node_modules", "__pycache__", ".venv", "venv", "site-packages"}


def is_own(folder, name, plan):
    """Whether a folder may hold the app's code; what rescue502 keeps of a virtual environment does not."""
    return name not in SKIP_FOLDERS and ".rescue502-" not in name and os.path.join(folder, name) != plan["venv"]


def compile_code(plan):
    """Compile every module of the app, so that all broken files are named and not just the first."""
    begun, broken, count = time.time(), [], 0
    for folder, names, files in os.walk(plan["root"]):
        names[:] = [n for n in names if is_own(folder, n, plan)]
        for name in files:
            if not name.endswith(".py"):
                continue
            if time.time() - begun > COMPILE_SECONDS:
                return {"files": count, "complete": False, "broken": broken}
            path = os.path.join(folder, name)
            count += 1
            try:
                with open(path, "rb") as file:
                    compile(file.read(), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                broken.append({"file": path, "line": getattr(error, "lineno", 0) or 0, "message": short(error)})
            except (OSError, RecursionError):
                continue
    return {"files": count, "complete": True, "broken": broken[:20]}
