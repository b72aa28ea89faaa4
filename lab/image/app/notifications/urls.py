"""Addresses of notifications."""

from django.http import JsonResponse
from django.urls import path

from notifications.models import Notification


def count(_request):
    """How many have not been read."""
    return JsonResponse({"count": Notification.objects.filter(read=False).count()})


urlpatterns = [path("user/count/", count)]
