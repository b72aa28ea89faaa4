# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: the cookies by which visitors stay logged in.

Django's middleware, or the app's own of these kinds, is handed an answer to set them on. No session is saved.
"""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import short
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_form_pages import form_pages


def cookies_set(plan):
    """{set, pages, by_proxy} for each of the plan's visitors, {origin, host, secure}; nothing where it cannot be said.

    set: [{index, name, header}] of what Set-Cookie says, without a value. pages: paths of forms. by_proxy: whether the
    settings say that another server ends TLS.
    """
    if plan["failed"] or not plan.get("visitors"):
        return {}
    from django.conf import settings

    try:
        found = [
            {"index": index, "name": short(name), "header": short(header)}
            for index, visitor in enumerate(plan["visitors"])
            for name, header in cookies_for(visitor).items()
        ]
        pages = [page["path"] for page in form_pages(True)][:50]
    except Exception:  # a part of Django or of the app that is not as we know it: nothing is known
        return {}
    return {"set": found, "pages": pages, "by_proxy": bool(settings.SECURE_PROXY_SSL_HEADER)}


def cookies_for(visitor):
    """{name: the header's text} of the cookies that a visitor is given."""
    from django.conf import settings
    from django.contrib.sessions.backends.base import SessionBase
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.http import HttpResponse
    from django.middleware.csrf import CsrfViewMiddleware, get_token
    from django.test import RequestFactory
    from django.utils.module_loading import import_string

    class Unsaved(SessionBase):
        """A session that is kept nowhere."""

        def save(self, must_create=False):
            """Do nothing."""

    request, answer = RequestFactory().get("/", secure=visitor["secure"], HTTP_HOST=visitor["host"]), HttpResponse()
    request.session = Unsaved()
    request.session["rescue502"] = True
    if not settings.CSRF_USE_SESSIONS:
        get_token(request)
    for item in map(import_string, settings.MIDDLEWARE):
        if isinstance(item, type) and issubclass(item, (SessionMiddleware, CsrfViewMiddleware)):
            item(lambda request: answer).process_response(request, answer)
    for morsel in answer.cookies.values():
        morsel.set(morsel.key, "x", "x")
    return {name: morsel.OutputString() for name, morsel in answer.cookies.items()}
