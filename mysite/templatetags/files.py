"""The template tags `static` and `integrity`; the settings load them everywhere."""

import functools
import re

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Context, Library
from django.templatetags.static import StaticNode

register = Library()

A_NAME_IN_QUOTES = re.compile(r"""\w+ (["'])[^"'|]+\1""")


def once(tag):
    """Return the tag, rendered once for all pages where it names its file itself.

    What it says changes by a deploy alone, and a page has several. A page with
    `load static` has Django's own again, which says the same.
    """

    def parse(parser, token):
        node = tag(parser, token)
        if A_NAME_IN_QUOTES.fullmatch(token.contents) and not settings.LOCAL:
            render = node.render
            text = functools.cache(lambda escape: render(Context(autoescape=escape)))
            node.render = lambda context: text(context.autoescape)
        return node

    return parse


class IntegrityNode(StaticNode):
    """The subresource integrity of a static file: see static.Storage."""

    @classmethod
    def handle_simple(cls, path):
        return staticfiles_storage.integrity(path)


register.tag("static", once(StaticNode.handle_token))
register.tag("integrity", once(IntegrityNode.handle_token))
