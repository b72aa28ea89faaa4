# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what `collectstatic` would find to collect."""

from __future__ import annotations

import re

# How django.contrib.staticfiles.storage.ManifestFilesMixin.stored_name() words it, in each version since 1.11.
NO_ENTRY = re.compile(r"^Missing staticfiles manifest entry for '(.+)'$")
# What Django leaves out by itself, where its version does not say so.
IGNORED = ["CVS", ".*", "*~"]


def find_static_files(_plan):
    """Whether `collectstatic` would put any file into STATIC_ROOT, asked of Django's finders."""
    from django.apps import apps

    if not apps.is_installed("django.contrib.staticfiles") or not is_collected_here():
        return {"to_collect": False}
    from django.contrib.staticfiles.finders import get_finders

    ignored = getattr(apps.get_app_config("staticfiles"), "ignore_patterns", IGNORED)
    return {"to_collect": any(True for finder in get_finders() for _file in finder.list(ignored))}


def is_collected_here():
    """Whether static files are collected into a folder of this host, which `collectstatic` itself asks in this way."""
    from django.contrib.staticfiles.storage import staticfiles_storage

    try:
        staticfiles_storage.path("")
    except NotImplementedError:
        return False
    return True


def find_missing_entry(plan):
    """Where an error misses a file in the manifest of those collected: its name, and where it is collected from.

    An empty source: no finder knows the file, so that collecting does not help.
    """
    error = plan.get("page_error") or plan.get("error")
    while error is not None and not NO_ENTRY.match(str(error)):
        error = error.__cause__ or error.__context__
    if error is None:
        return {}
    from django.contrib.staticfiles.finders import find

    name = NO_ENTRY.match(str(error)).group(1)
    return {"name": name, "source": str(find(name) or "")}
