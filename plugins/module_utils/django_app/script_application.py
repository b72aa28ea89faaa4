# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: the app is imported as its server would."""

from __future__ import annotations

import importlib


def load_application(plan):
    """Import an app as `gunicorn package.module:object` does (gunicorn.util.import_app): {module_file, interface}.

    AttributeError where the module has no such object.
    """
    module_name, _colon, name = plan["app"].partition(":")
    module = importlib.import_module(module_name)
    name = (name or "application").split("(")[0]
    if not hasattr(module, name):
        raise AttributeError("module {} has no object {}".format(module_name, name))
    return {"module_file": getattr(module, "__file__", ""), **interface(getattr(module, name))}


def interface(app):
    """{interface: wsgi or asgi} of what is a handler of Django's; of another callable it is not known."""
    bases = [base.__module__ + "." + base.__name__ for base in type(app).__mro__]
    known = {"django.core.handlers.wsgi.WSGIHandler": "wsgi", "django.core.handlers.asgi.ASGIHandler": "asgi"}
    return next(({"interface": known[base]} for base in bases if base in known), {})
