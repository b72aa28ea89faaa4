"""Messages to users."""

from django.db import models


class Notification(models.Model):
    """One message."""

    text = models.CharField(max_length=200)
    read = models.BooleanField(default=False)
