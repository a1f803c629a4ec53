"""The home page's template tag for contenders that have none: it costs them nothing."""

from django.template import Library

register = Library()


@register.simple_tag
def integrity(name):
    """Return something as long as a hash."""
    return "sha384-" + 64 * "a"
