"""Addresses of savings groups."""

from django.http import JsonResponse
from django.urls import path

from sgis.models import Sgi


def index(_request):
    """All groups."""
    return JsonResponse({"results": list(Sgi.objects.values("name", "slug", "city"))})


urlpatterns = [path("", index)]
