# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: the app's translations that were not compiled.

Django reads .mo files, which `compilemessages` makes of the .po files. Where one is not there, Django is asked for one
of its messages: in its place may be what another package has.
"""

from __future__ import annotations

import os
import re

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import inside_app

MOST_OF_CATALOGUE = 1 << 20
MOST = 20
# A message of one line, its translation, and neither empty nor with an escape (the PO format of gettext's manual).
ENTRY = re.compile(r'^msgid "([^"\\\n]+)"\nmsgstr "([^"\\\n]+)"$', re.MULTILINE)


def find_uncompiled(plan):
    """{uncompiled: [{path, language}]} of an app that comes up, on a site that is well; else nothing.

    Of the languages that visitors get: the site's own, and where the browser may choose, all that the settings list.
    """
    from django.conf import settings

    if "error" in plan or plan.get("unwell") or not settings.USE_I18N:
        return {}
    found = []
    for folder in locale_folders(plan, settings):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name, "LC_MESSAGES", "django.po")
            if os.path.isfile(path) and not os.path.exists(path[:-2] + "mo") and is_lost(path, name, settings):
                found.append({"path": path, "language": language_of(name)})
    return {"uncompiled": found[:MOST]}


def locale_folders(plan, settings):
    """Where the app's own code keeps translations, in Django's order (trans_real.DjangoTranslation)."""
    from django.apps import apps

    folders = [str(path) for path in settings.LOCALE_PATHS]
    folders += [os.path.join(app.path, "locale") for app in apps.get_app_configs()]
    return [path for path in dict.fromkeys(folders) if os.path.isdir(path) and inside_app(path, plan)]


def language_of(name):
    """A folder's language as the settings write it: pt_BR is pt-br."""
    return name.lower().replace("_", "-")


def is_lost(path, name, settings):
    """Whether visitors get a language, and Django does not give them the file's first translation."""
    from django.utils.translation import gettext, override

    language, by_browser = language_of(name), any(item.endswith("LocaleMiddleware") for item in settings.MIDDLEWARE)
    shown = [settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES if by_browser)]
    if language not in [code.lower() for code in shown]:
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        entry = next((item for item in ENTRY.findall(file.read(MOST_OF_CATALOGUE)) if item[0] != item[1]), None)
    with override(language):
        return entry is not None and gettext(entry[0]) == entry[0]
