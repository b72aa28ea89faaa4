# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: the app's pages that Django checks forms of."""

from __future__ import annotations

import inspect
import os
import re

UNSAFE = {"post", "put", "patch", "delete"}
MOST_PATTERNS = 3000


def form_pages(is_installed):
    """[{path, view, kind}] of the pages that take what is sent with cookies, and that Django checks for its origin.

    is_installed: whether the middleware is. path: up to its first parameter. kind: `login` of those that check by
    themselves, `session` of Django REST framework's session authentication, `view` of all that the middleware checks.
    """
    from django.conf import settings
    from django.urls import get_resolver

    found = []
    prefix = settings.FORCE_SCRIPT_NAME or os.environ.get("SCRIPT_NAME", "")
    for path, view, is_admin in walk_patterns(get_resolver(), prefix.rstrip("/") + "/"):
        kind = page_kind(view, is_installed, is_admin)
        if kind:
            found.append({"path": path, "view": view, "kind": kind, "is_admin": is_admin})
        if len(found) >= MOST_PATTERNS:
            break
    return found


def walk_patterns(resolver, before, is_admin=False):
    """(path, view, whether it is the admin's) of all of a resolver's patterns."""
    for pattern in resolver.url_patterns:
        path = before + plain_beginning(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from walk_patterns(pattern, path, is_admin or getattr(pattern, "app_name", None) == "admin")
        elif not is_admin or pattern.name == "login":
            yield path, pattern.callback, is_admin


def plain_beginning(pattern):
    """A pattern's text up to what is not the same in all of its addresses."""
    if hasattr(pattern, "_regex"):
        return re.split(r"[^\w/-]", pattern._regex.lstrip("^"))[0]
    return str(pattern).partition("<")[0]


def page_kind(view, is_installed, is_admin):
    """The kind of a page; empty of one that takes nothing, or whose origin nobody checks."""
    shown = getattr(view, "view_class", None) or getattr(view, "cls", None)
    classes = [base.__name__ for item in getattr(shown, "authentication_classes", []) for base in item.__mro__]
    if not is_admin and not takes_posts(view, shown):
        return ""
    if "SessionAuthentication" in classes:
        return "session"
    if is_admin or "LoginView" in [base.__name__ for base in getattr(shown, "__mro__", [])]:
        return "login"
    return "view" if is_installed and not getattr(view, "csrf_exempt", False) else ""


def takes_posts(view, shown):
    """Whether a view does something with what is posted. shown: its class; None of a function."""
    if shown is not None:
        actions = getattr(view, "actions", None) or [name for name in UNSAFE if hasattr(shown, name)]
        return bool(UNSAFE & set(actions) & {name.lower() for name in getattr(shown, "http_method_names", UNSAFE)})
    code = getattr(inspect.unwrap(view), "__code__", None)
    return code is not None and bool({"POST", "FILES", "body"} & {*code.co_names, *map(str, code.co_consts)})
