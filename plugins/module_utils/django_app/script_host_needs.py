# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what the app needs of the host in vain.

A locale, a time zone, a shared library, a program, a file outside of the code. What the app looks for in vain is
remembered as it looks, because many libraries say of it only that something failed. No commit brings any of it back.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import glob
import importlib
import locale
import os
import re
import shutil
import sys

LOOKED_FOR = []
# From the start of a word on: from within each, a long one would take minutes.
NO_LIBRARY = re.compile(r"(?<![^\s:'\"])([^\s:'\"]+\.so[.\d]*): cannot open shared object file")
# Where the dynamic loader looks, besides what its cache and the environment name (ld.so(8)).
LIBRARIES = ("/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64", "/usr/lib/*-linux-gnu*")
# Where the C library has its locales (locale(7)).
LOCALES = "/usr/lib/locale"
NO_ZONE = re.compile(r"^(?:'?No time zone found with key |Incorrect timezone setting: )([\w+/-]+)")
# Where a program is that the PATH of the app's unit may not name.
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/opt/bin"


def watch_lookups():
    """From now on remember which locales, libraries and programs the app looks for in vain."""
    set_locale, find_library, which = locale.setlocale, ctypes.util.find_library, shutil.which

    def watched_set_locale(category, wanted=None):
        try:
            return set_locale(category, wanted)
        except locale.Error:
            LOOKED_FOR.append(("locale", locale_name(category, wanted)))
            raise

    def watched_find_library(name):
        found = find_library(name)
        if found is None:
            LOOKED_FOR.append(("library", name))
        return found

    def watched_which(cmd, *rest, **more):
        found = which(cmd, *rest, **more)
        if found is None:
            LOOKED_FOR.append(("program", os.fspath(cmd)))
        return found

    locale.setlocale, ctypes.util.find_library, shutil.which = watched_set_locale, watched_find_library, watched_which


def locale_name(category, wanted):
    """The locale that was asked for; the environment's where that is left to it (setlocale(3))."""
    if isinstance(wanted, (tuple, list)):
        return ".".join(part for part in wanted if part)
    names = {
        getattr(locale, name, None): name for name in ("LC_TIME", "LC_NUMERIC", "LC_MONETARY", "LC_COLLATE", "LC_CTYPE")
    }
    order = ("LC_ALL", names.get(category, "LC_ALL"), "LANG")
    return wanted or next((os.environ[name] for name in order if os.environ.get(name)), "")


def lacking(chain, is_own):
    """{kind, name, found} of what the host lacks, by an exception or its causes; None where that is not the matter.

    found: where a program is, all the same, that the app's PATH does not lead to. is_own: whether a path is the app's.
    """
    if str(chain[0]).startswith("Unable to configure handler"):
        return None  # a log
    for error in chain:
        kind, name = need_of(error, is_own)
        if name and not is_withheld(kind, str(name)):
            found = shutil.which(name, path=USUAL_PATH) if kind == "program" else None
            return {"kind": kind, "name": str(name)[:300], "found": found or ""}
    return None


def is_withheld(kind, name):
    """Whether the host may have it all the same, and keeps it from this account: its modes say no, or its way does."""
    if kind == "program":
        folders = [*os.environ.get("PATH", "").split(":"), *USUAL_PATH.split(":")] if "/" not in name else [""]
        places, wanted = [os.path.join(folder, name) for folder in folders], os.X_OK
    elif kind == "library":
        places, wanted = [os.path.join(found, name) for folder in LIBRARIES for found in glob.glob(folder)], os.R_OK
    elif kind == "time zone":
        places, wanted = [os.path.join(folder, name) for folder in zone_folders()], os.R_OK
    elif kind == "locale":
        places, wanted = [LOCALES, os.path.join(LOCALES, "locale-archive")], os.R_OK
    else:
        return False
    return any(is_refused(place, wanted) for place in places)


def zone_folders():
    """The folders in which Python looks for time zones; none where it has no module for them."""
    try:
        return list(importlib.import_module("zoneinfo").TZPATH)
    except ImportError:
        return []


def is_refused(path, wanted):
    """Whether something is there that this account may not use, or the way there is closed to it."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return not os.access(path, wanted)


def need_of(error, is_own):
    """(kind, name) of what one exception is about; an empty name where the host does not lack it."""
    text, names = str(error), [cls.__name__ for cls in type(error).__mro__]
    if isinstance(error, locale.Error):
        return next((item for item in reversed(LOOKED_FOR) if item[0] == "locale"), ("locale", ""))
    zone = NO_ZONE.match(text)
    if "UnknownTimeZoneError" in names or (
        zone and ("ZoneInfoNotFoundError" in names or isinstance(error, ValueError))
    ):
        return "time zone", zone.group(1) if zone else str(error.args[0] if error.args else "")
    library = NO_LIBRARY.search(text)
    if library and isinstance(error, (ImportError, OSError)):
        return "library", library.group(1) if is_absent(library.group(1), is_own) else ""
    if isinstance(error, FileNotFoundError) and error.filename:
        return file_of(error, is_own)
    # Raised by a library that has looked for it, in words of its own.
    for kind, name in reversed(LOOKED_FOR):
        if kind != "locale" and not is_own(name) and re.search(r"(?i)\b(?:lib)?{}\b".format(re.escape(name)), text):
            return kind, name
    return "", ""


def is_absent(library, is_own):
    """Whether the dynamic loader does not find a library either; one that a package brings along is the package's."""
    if is_own(library) or any(os.path.exists(os.path.join(folder, library)) for folder in bundled()):
        return False
    try:
        ctypes.CDLL(library)
    except OSError:
        return True
    return False


def bundled():
    """Folders with libraries that installed packages have brought along."""
    folders = [folder for folder in sys.path if os.path.isdir(folder)]
    names = [(folder, name) for folder in folders for name in os.listdir(folder)]
    return [os.path.join(folder, name) for folder, name in names if name.endswith(".libs")]


def file_of(error, is_own):
    """(kind, name) of a file that is not there: a program that was to be run, or a file that is not the app's."""
    path, trace = os.fsdecode(error.filename), error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    runs = trace.tb_frame.f_code.co_name in ("_execute_child", "_posix_spawn", "posix_spawn", "execvpe", "_execvpe")
    in_vain = trace.tb_frame.f_locals.get("cwd") if runs else None
    if runs and error.filename != in_vain and not is_own(path):
        return "program", path
    absent = os.path.isabs(path) and not os.path.lexists(path) and not is_own(path)
    return "file", path if absent and not runs else ""
