"""The other site on a host that has two: a whole Django app in one file, which must never be touched."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(SECRET_KEY=os.environ["SECRET_KEY"], ALLOWED_HOSTS=["billing.example"], ROOT_URLCONF=__name__)
urlpatterns = [path("health/", lambda _request: JsonResponse({"status": "healthy"}))]
application = get_wsgi_application()
