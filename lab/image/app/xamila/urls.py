"""Addresses of the lab's site."""

from django.conf import settings
from django.contrib import admin
from django.http import JsonResponse
from django.urls import include, path


def health(_request):
    """Say that the app runs. It asks no database, as health checks often do not."""
    return JsonResponse({"status": "healthy", "message": "Xamila API is running", "debug": settings.DEBUG})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", health),
    path("api/sgis/", include("sgis.urls")),
    path("api/notifications/", include("notifications.urls")),
]
