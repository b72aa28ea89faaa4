# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: whether Django takes forms of the site's origins.

Django's own middleware is asked (CsrfViewMiddleware.process_view, since Django 4.0), with a request as it comes from
nginx and the app server. Where it refuses, it is asked again with one thing different: what helps is the reason. No
request is made, and no other middleware is run: where one may change what the first sees, nothing is said.
"""

from __future__ import annotations

import inspect
import re
import sys

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import short
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_form_pages import form_pages
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_server_scheme import (
    RefusedByServerError,
    server_schemes,
)

# What wraps an application, or stands among the middleware, and changes neither host nor scheme nor checks.
HARMLESS = ("django", "corsheaders", "whitenoise", "dj_static", "sentry_sdk", "debug_toolbar", "channels")
# What a middleware that does would speak of.
MAY_CHANGE = re.compile(r"HTTP_X_FORWARDED|HTTP_HOST|HTTP_ORIGIN|url_scheme|_get_scheme|is_secure|csrf", re.I)
# Headers by which an app server or Django learns the scheme: no two of them may contradict each other.
SAYS_SCHEME = ("x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-ssl")
# In the order in which they are tried: the fewest that help.
REPAIRS = (
    ("host",), ("header",), ("setting",), ("header", "setting"),
    ("host", "header"), ("host", "setting"), ("host", "header", "setting"),
)  # fmt: skip
SECURE_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def judge_origins(plan):
    """{trusted, refused} of the origins in the plan; nothing before Django 4.0, or where no origin is checked.

    refused: [{index, form, seen, header, value, host_differs, not_passed, not_believed, not_trusted}], index into the
    plan's.
    """
    if not plan["origins"]:
        return {}
    try:
        return {"refused": list(refused_origins(plan)), **trusted_origins()}
    except Exception:  # a part of Django or of the app that is not as we know it: nothing is known
        return {}


def trusted_origins():
    """What the settings say."""
    from django.conf import settings

    return {"trusted": [short(str(origin)) for origin in settings.CSRF_TRUSTED_ORIGINS][:20]}


def refused_origins(plan):
    """Those of the plan's origins whose forms are refused."""
    from django.conf import settings
    from django.middleware.csrf import CsrfViewMiddleware

    if not hasattr(CsrfViewMiddleware, "_origin_verified"):
        return
    middleware, is_plain = own_middleware(settings, CsrfViewMiddleware)
    pages = form_pages(middleware is not None)
    is_plain = is_plain and is_djangos(served_application(plan))
    for index, item in enumerate(plan["origins"]):
        page = page_for(item, pages, plan["origins"])
        if page is None or (item["own"] and not is_plain) or (not item["own"] and not takes_cookies(item, settings)):
            continue
        asked = middleware if page["kind"] == "view" else CsrfViewMiddleware
        if is_taken(plan, item, asked, page, ()) is False:
            yield dict(why_refused(plan, item, asked, page), index=index, form=short(page["path"]))


def own_middleware(settings, djangos):
    """(the CSRF middleware of the settings, None without one; whether none of the others may change what it sees)."""
    from django.utils.module_loading import import_string

    found, is_plain = None, True
    for name in settings.MIDDLEWARE:
        item = import_string(name)
        if isinstance(item, type) and issubclass(item, djangos):
            found = item
        elif name.partition(".")[0] not in HARMLESS:
            is_plain = is_plain and not MAY_CHANGE.search(inspect.getsource(sys.modules[item.__module__]))
    return found, is_plain


def served_application(plan):
    """What the server calls."""
    module, _colon, name = plan["app"].partition(":")
    return getattr(sys.modules.get(module), name or "application", None)


def is_djangos(item):
    """Whether what the server calls is Django's own, within others that are known to change nothing."""
    for _depth in range(5):
        package = type(item).__module__.partition(".")[0]
        if package == "django":
            return True
        if package not in HARMLESS:
            return False
        mapped = getattr(item, "application_mapping", {}).get("http")
        item = mapped or getattr(item, "application", None) or getattr(item, "app", None)
    return False


def page_for(item, pages, origins):
    """A page of the app's that such a form is sent to; None where none is. The front end does not use the admin."""
    if not item["own"]:
        return next((page for page in pages if not page["is_admin"]), None)
    paths = [other["path"] for other in origins if other["own"] and other["origin"] == item["origin"]]
    for page in sorted(pages, key=lambda page: page["kind"] != "login"):
        ours = [path for path in paths if page["path"].startswith(path)]
        if ours and max(ours, key=len) == item["path"]:
            return page
    return None


def takes_cookies(item, settings):
    """Whether a browser lets another origin send cookies: as the edge answers, or as the settings say."""
    of_settings = any("corsheaders" in name for name in settings.MIDDLEWARE)
    return item["with_cookies"] or (of_settings and getattr(settings, "CORS_ALLOW_CREDENTIALS", False) is True)


def is_taken(plan, item, middleware, page, repairs):
    """Whether Django takes the origin of such a form; None where it does not get the request, or answers otherwise."""
    from django.conf import settings

    header, value = scheme_header(settings)
    nginx_sends = dict(item["headers"])
    host = item["asked_host"] if "host" in repairs else item["host"]
    if "host" in repairs:
        nginx_sends.pop("x-forwarded-host", None)
    if "header" in repairs:
        nginx_sends = {name: held for name, held in nginx_sends.items() if name not in SAYS_SCHEME}
        nginx_sends[header] = value
    # What lies before nginx may say the same: whatever would help there is taken for granted.
    more = {header: value} if may_come_from_front(item, header) else {}
    if settings.USE_X_FORWARDED_HOST and may_come_from_front(item, "x-forwarded-host"):
        more["x-forwarded-host"] = item["asked_host"]
    variants = [nginx_sends] + ([dict(nginx_sends, **more)] if more else [])
    kept = settings.SECURE_PROXY_SSL_HEADER
    try:
        settings.SECURE_PROXY_SSL_HEADER = SECURE_HEADER if "setting" in repairs else kept
        answers = [one_answer(plan, item, middleware, page, host, headers) for headers in variants]
    finally:
        settings.SECURE_PROXY_SSL_HEADER = kept
    return True if True in answers else None if None in answers else False


def first_that_helps(helps):
    """The fewest of the repairs that help together; none where even all do not."""
    return next((repairs for repairs in REPAIRS if helps(repairs)), ())


def may_come_from_front(item, name):
    """Whether what lies before nginx decides if the app gets a header."""
    return name in item["unknown"] or (item["fronted"] and name not in item["set"])


def one_answer(plan, item, middleware, page, host, headers):
    """is_taken() of one set of headers."""
    answers = []
    try:
        for scheme in server_schemes(plan, dict(headers, host=host), item["peer"]):
            answers.append(django_takes(item, middleware, page, host, headers, scheme))
    except RefusedByServerError:
        return None
    return True if True in answers else None if None in answers else False


def request_of(item, page, host, headers, scheme):
    """The request as the app server would hand it to Django."""
    from django.test import RequestFactory

    more = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    more.update(HTTP_HOST=host, HTTP_ORIGIN=item["origin"])
    return RequestFactory().post(page["path"], secure=scheme == "https", **more)


def django_takes(item, middleware, page, host, headers, scheme):
    """Whether the middleware takes the origin; None where the page itself is not answered to such a visitor."""
    from django.conf import settings
    from django.core.exceptions import DisallowedHost
    from django.middleware.csrf import REASON_BAD_ORIGIN

    request = request_of(item, page, host, headers, scheme)
    try:
        request.get_host()
    except DisallowedHost:
        return None
    if getattr(settings, "SECURE_SSL_REDIRECT", False) and not request.is_secure():
        return None
    said = []
    asked = middleware(lambda _request: None)
    # Its verdict is wanted, not the page that it makes of it, nor what it says of the token.
    asked._reject = lambda _request, reason: said.append(str(reason)) or True
    asked._check_token = lambda _request: None
    asked.process_view(request, page["view"] if page["kind"] == "view" else checked_view, (), {})
    return not any(text.startswith(REASON_BAD_ORIGIN.partition("%s")[0]) for text in said)


def checked_view(_request):
    """A view that is not exempt, in the place of those that are and have their own views' sessions checked."""


def scheme_header(settings):
    """(name in lower case, value) of the header by which the app learns that a visitor came by https."""
    name, value = settings.SECURE_PROXY_SSL_HEADER or SECURE_HEADER
    return name.replace("HTTP_", "", 1).replace("_", "-").lower(), value


def why_refused(plan, item, middleware, page):
    """Why an origin is refused: what helps, when it alone is different."""
    from django.conf import settings

    header, value = scheme_header(settings)
    helps = ()
    if item["own"]:
        helps = first_that_helps(lambda repairs: is_taken(plan, item, middleware, page, repairs))
    schemes = server_schemes(plan, dict(item["headers"], host=item["host"]), item["peer"])
    request = request_of(item, page, item["host"], item["headers"], schemes[0])
    return {
        "seen": short("{}://{}".format(request.scheme, request.get_host())),
        "header": "-".join(word.capitalize() for word in header.split("-")),
        "value": value,
        "host_differs": "host" in helps,
        "not_passed": "header" in helps,
        "not_believed": "setting" in helps,
        "not_trusted": not helps,
    }
