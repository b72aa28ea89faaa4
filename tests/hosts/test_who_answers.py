"""A real Django refuses by itself: who does is named, nothing is restarted, and what the site is to answer stays."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
REFUSES, UNKNOWN = "code/refuses-request", "code/url-unknown"
SHOWS = """
systemctl reset-failed
restart_app
until_true "curl -sko /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1/health/ | grep -q STATUS"
"""
# A tenant's name that is in no table, found by a middleware as Django's own write them.
TENANT = """
cat > "$ROOT/$PACKAGE/tenants.py" <<'END'
from django.http import Http404
from django.utils.deprecation import MiddlewareMixin


class TenantMiddleware(MiddlewareMixin):
    def process_request(self, request):
        raise Http404("No tenant for hostname " + request.get_host())
END
printf '\\nMIDDLEWARE.append("%s.tenants.TenantMiddleware")\\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
"""
# A lock after wrong passwords answers in the view's place.
LOCKED = """
cat > "$ROOT/$PACKAGE/locks.py" <<'END'
from django.http import HttpResponse


class LockMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, words, named):
        return HttpResponse("too many requests", status=429)
END
printf '\\nMIDDLEWARE.append("%s.locks.LockMiddleware")\\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
"""
# The page itself says so.
VIEW = """
cat >> "$ROOT/$PACKAGE/urls.py" <<'END'
from django.core.exceptions import PermissionDenied


def early(_request):
    raise PermissionDenied("not before Monday")


urlpatterns.insert(0, path("health/", early))
END
"""
# A page that sends everybody elsewhere.
REDIRECT = """
cat >> "$ROOT/$PACKAGE/urls.py" <<'END'
from django.views.generic import RedirectView

urlpatterns.insert(0, path("health/", RedirectView.as_view(url="/closed/")))
END
"""
ADDRESSES = """
sed -i 's#path("health/"#path("healthz/"#' "$ROOT/$PACKAGE/urls.py"
"""
# The code as it was.
BACK = "app_git checkout -q .\n"
CASES = {
    "tenant": (TENANT, 404, REFUSES, "tenants.TenantMiddleware, with Http404: No tenant for hostname"),
    "lock": (LOCKED, 429, REFUSES, "locks.LockMiddleware"),
    "view": (VIEW, 403, REFUSES, "urls.early, with PermissionDenied: not before Monday"),
    "redirect": (REDIRECT, 302, REFUSES, "django.views.generic.base.RedirectView"),
    "addresses": (ADDRESSES, 404, UNKNOWN, "/health/"),
}


def test_who_answers_is_named(site: Site) -> None:
    """That alone, with its name and place, and for a person; one after the other on one host."""
    for case, (plant, status, name, words) in CASES.items():
        site.host.break_with("", plant + SHOWS.replace("STATUS", str(status)))
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [name], case
        assert words in found.root_causes[0].because, case
        assert found.root_causes[0].risk == "never"
        site.host.break_with("", BACK + SHOWS.replace("STATUS", "200"))


def test_a_maintenance_is_left_as_it_is(site: Site) -> None:
    """A run that may repair starts nothing anew and changes nothing: a person is asked."""
    site.host.break_with(REFUSES)
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert [item["id"] for item in incident["root_causes"]] == [REFUSES]
    assert site.host.snapshot() == before
    assert site.host.ask("/health/")[0] == 503
