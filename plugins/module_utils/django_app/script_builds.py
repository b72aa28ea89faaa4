# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: a list that a build makes and a library misses.

Sources: django-compressor's COMPRESS_OFFLINE_MANIFEST, django-webpack-loader's STATS_FILE, django-vite's manifest_path.
"""

from __future__ import annotations

import os


def compressor_lists(settings):
    """Where django-compressor keeps what `manage.py compress` has made."""
    return [os.path.join(settings.COMPRESS_ROOT, settings.COMPRESS_OUTPUT_DIR, settings.COMPRESS_OFFLINE_MANIFEST)]


def webpack_lists(settings):
    """Where django-webpack-loader looks for what webpack has made."""
    return [item.get("STATS_FILE", "webpack-stats.json") for item in settings.WEBPACK_LOADER.values()]


def vite_lists(settings):
    """Where django-vite looks for what Vite has made: by its apps, or by its settings of before version 3."""
    apps = getattr(settings, "DJANGO_VITE", None) or {
        "default": {"manifest_path": getattr(settings, "DJANGO_VITE_MANIFEST_PATH", None)}
    }
    root = settings.STATIC_ROOT or ""
    usual = [os.path.join(root, item.get("static_url_prefix", ""), "manifest.json") for item in apps.values()]
    return [item.get("manifest_path") or path for item, path in zip(apps.values(), usual)]


LISTS = {"compressor": compressor_lists, "webpack_loader": webpack_lists, "django_vite": vite_lists}


def missed_build(chain):
    """{package, path, there} where such a library has raised an exception or one of its causes; else None.

    path: of the list that it reads, one that is not there before others; empty where that is not known.
    """
    package = next((name for error in chain for name in raised_in(error) if name in LISTS), "")
    if not package:
        return None
    try:
        from django.conf import settings

        paths = [os.path.abspath(str(path)) for path in LISTS[package](settings) if path]
    except Exception:  # settings that such a version has by another name
        paths = []
    path = next((path for path in paths if not os.path.exists(path)), paths[0] if paths else "")
    return {"package": package, "path": path, "there": bool(path) and os.path.exists(path)}


def raised_in(error):
    """The packages of an exception's class, and of the code that has raised it."""
    trace, module = error.__traceback__, ""
    while trace is not None:
        module, trace = trace.tb_frame.f_globals.get("__name__") or "", trace.tb_next
    return [type(error).__module__.partition(".")[0], module.partition(".")[0]]
