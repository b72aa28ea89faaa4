# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what `collectstatic` would find to collect."""

from __future__ import annotations

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
