# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a folder is a virtual environment: only then may it be filled, copied or replaced.

Sources: PEP 405 (pyvenv.cfg), docs.python.org, "Installation paths".
"""

from __future__ import annotations

import glob
import os

from ansible_collections.rescue502.django.plugins.module_utils.system import unread

SYSTEM_PREFIXES = ("", "/", "/usr", "/usr/local", "/bin")
# What venv, virtualenv, uv and installers of packages put there.
PARTS = (
    ".Python", ".gitignore", ".lock", ".project", "CACHEDIR.TAG", "bin", "etc", "include", "lib", "lib64", "local",
    "man", "pip-selfcheck.json", "pyvenv.cfg", "share",
)  # fmt: skip
OWN_MARKS = ".rescue502-"


def is_one(path: str) -> bool:
    """Whether a folder has pyvenv.cfg, or what is left of an environment without it: a folder for packages."""
    if os.path.isfile(os.path.join(path, "pyvenv.cfg")):
        return True
    packages = glob.glob(os.path.join(glob.escape(path), "lib", "python*", "site-packages"))
    return any(os.path.isdir(folder) for folder in packages)


def other_content(path: str) -> str:
    """The first entry of a virtual environment's folder that is no part of one, such as an app's data or a socket.

    Empty where there is none: then all of the folder can be replaced by another environment.
    """
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return ""
    return next((name for name in names if name not in PARTS and not name.startswith(OWN_MARKS)), "")


def is_vacant(path: str) -> bool:
    """Whether nothing is lost where an environment is made at this path: nothing is there, or an empty folder."""
    if not os.path.lexists(path):
        return True
    try:
        return os.path.isdir(path) and not os.listdir(path)
    except OSError:
        return False


def holds(path: str, root: str) -> bool:
    """Whether a folder is the app's root, or a folder above it, links followed."""
    inner, outer = os.path.realpath(root), os.path.realpath(path)
    return os.path.commonpath([inner, outer]) == outer


def objection(path: str, root: str) -> str:
    """Why the folder must not be used as the virtual environment of the app in `root`; empty where it may be.

    One that is missing may be: rebuilding it harms nothing.
    """
    if not path:
        return "the app's virtual environment is not known: set rescue502_venv"
    if not os.path.isabs(path):
        return f"{path} is not an absolute path"
    if os.path.realpath(path) in SYSTEM_PREFIXES:
        return f"{path} is the system's own, not a virtual environment"
    if holds(path, root):
        return f"{path} holds the app's folder {root}: it cannot be replaced as a virtual environment"
    if not is_vacant(path) and not is_one(path) and not unread.sealed(path):
        return f"{path} is not a virtual environment: it has neither pyvenv.cfg nor lib/python*/site-packages"
    return ""


def objection_to_rebuild(path: str, root: str) -> str:
    """Why the folder must not be replaced by a new environment; empty where it may be.

    A Python of its own (with its standard library) and the packages of an account (PEP 370) have such folders too.
    """
    if wrong := objection(path, root):
        return wrong
    libraries = glob.glob(os.path.join(glob.escape(path), "lib", "python*", "os.py"))
    installed = any(os.path.isfile(name) and not os.path.islink(name) for name in libraries)
    if installed or os.path.basename(path) == ".local":
        return f"{path} is an installation of Python or an account's own packages, not a virtual environment"
    return ""
