"""The template tag `integrity`, beside Django's own `static`."""

from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Library

register = Library()


@register.simple_tag
def integrity(name):
    """Return the subresource integrity of a static file: see static.Storage."""
    return staticfiles_storage.integrity(name)
