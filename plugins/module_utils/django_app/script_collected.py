# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: which static files `collectstatic` would copy.

Its own code is asked for that with --dry-run, so that nothing is written. Of what it would copy only because a checkout
made the file newer, the content is compared.
"""

from __future__ import annotations

import filecmp
import time

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_static_files import is_collected_here

SECONDS = 1.5
MOST_NAMES = 200


def find_uncollected(plan):
    """{pages, static_url, media_url, missing, older} of an app that comes up, on a site that is well; else nothing.

    pages: where its login forms are, whose pages link to static files. missing, older: names of files that STATIC_ROOT
    does not have, or has with another content, at most MOST_NAMES; what there was no time for is in neither.
    """
    from django.apps import apps
    from django.conf import settings

    if "error" in plan or plan.get("unwell") or not settings.STATIC_URL:
        return {}
    found = {
        "pages": login_pages(apps, settings),
        "static_url": str(settings.STATIC_URL),
        "media_url": str(settings.MEDIA_URL or ""),
        "missing": [],
        "older": [],
    }
    if apps.is_installed("django.contrib.staticfiles") and settings.STATIC_ROOT and is_collected_here():
        missing, older = pretended()
        found.update(missing=missing[:MOST_NAMES], older=older[:MOST_NAMES])
    return found


def login_pages(apps, settings):
    """The paths of the app's login forms, the admin's and its own."""
    from django.shortcuts import resolve_url
    from django.urls import resolve, reverse

    asked = [(resolve_url, settings.LOGIN_URL)]
    if apps.is_installed("django.contrib.admin"):
        asked.append((reverse, "admin:login"))
    pages = []
    for ask, name in asked:
        try:
            path = str(ask(name))
            resolve(path)
        except Exception:  # no page of the app's
            continue
        if path.startswith("/") and not path.startswith("//") and path not in pages:
            pages.append(path)
    return pages


def pretended():
    """(missing, older): names that Django's own collectstatic would copy where it may only pretend to."""
    from django.contrib.staticfiles.management.commands.collectstatic import Command

    missing, older, until = [], [], time.time() + SECONDS

    class Pretending(Command):
        def log(self, msg, level=2):
            pass

        def copy_file(self, path, prefixed_path, source_storage):
            if time.time() > until:
                return
            before = len(self.copied_files)
            super().copy_file(path, prefixed_path, source_storage)
            if len(self.copied_files) == before:
                return
            if not self.storage.exists(prefixed_path):
                missing.append(prefixed_path)
            elif not same(source_storage.path(path), self.storage.path(prefixed_path)):
                older.append(prefixed_path)

    command = Pretending()
    options = {"interactive": False, "verbosity": 0, "link": False, "clear": False, "dry_run": True}
    command.set_options(ignore_patterns=[], use_default_ignore_patterns=True, post_process=False, **options)
    command.collect()
    return missing, older


def same(one, other):
    """Whether two files have the same content, as far as they can be read."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return True
