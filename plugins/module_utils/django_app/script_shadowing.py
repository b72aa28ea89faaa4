# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: files that hide installed packages.

Python takes a module from the first place that has one by that name: the app's own folder comes first, then those of
PYTHONPATH. Python itself is asked what it would find without these, and can be made to take that.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import inside_app

MOST_SHADOWS = 10


def look_for_shadows(plan):
    """Of an app that fails: which of its files hide an installed package, or a module of Python's own."""
    return {"found": find_shadows(plan, lambda path: inside_app(path, plan)) if "error" in plan else []}


def other_places(is_own):
    """Where Python looks for modules besides the app's own folders and those of PYTHONPATH."""
    added = _added_folders()
    return [place for place in sys.path if place and place not in added and not is_own(os.path.join(place, "module"))]


def _added_folders():
    return [os.path.abspath(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


def find_shadows(plan, is_own):
    """{module, file, hides} of each module in the app's folders, or imported from PYTHONPATH, that lies elsewhere too.

    Of a built-in module Python takes its own. The app's own packages are left out, for it may be installed as well.
    is_own: whether a path is the app's.
    """
    apps = {plan["app"].partition(".")[0].partition(":")[0], plan["settings_module"].partition(".")[0]}
    elsewhere = other_places(is_own)
    installed = any(PathFinder.find_spec(name, elsewhere) for name in apps if name)
    own = dict.fromkeys([os.getcwd(), plan["root"]])
    found = []
    for folder in dict.fromkeys([*own, *_added_folders()]):
        for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            name, path = entry[:-3] if entry.endswith(".py") else entry, os.path.join(folder, entry)
            file = path if path.endswith(".py") else os.path.join(path, "__init__.py")
            if not name.isidentifier() or name in apps or name in sys.builtin_module_names or not os.path.isfile(file):
                continue
            # Whole libraries may be there on purpose: of them only what was taken can be at fault.
            if folder not in own and getattr(sys.modules.get(name), "__file__", "") != file:
                continue
            spec = PathFinder.find_spec(name, elsewhere)
            hidden = spec.origin if spec and spec.has_location else ""
            if hidden and ("-packages" not in hidden or not installed):
                found.append({"module": name, "file": path, "hides": hidden})
    return found[:MOST_SHADOWS]


class PutAside:
    """A finder that takes modules of these names from where they lie besides the app's own folders and PYTHONPATH."""

    def __init__(self, names, is_own):
        self.names, self.is_own = names, is_own

    def find_spec(self, name, path=None, target=None):
        """importlib's protocol: the spec from elsewhere for one of the names, None for all others."""
        return PathFinder.find_spec(name, other_places(self.is_own)) if name in self.names else None
