"""Savings groups."""

from django.db import models
from slugify import slugify


class Sgi(models.Model):
    """A savings group."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(blank=True)
    city = models.CharField(max_length=100, blank=True)

    def save(self, *args, **kwargs):
        """Give it the slug of its name."""
        self.slug = slugify(self.name)
        super().save(*args, **kwargs)
