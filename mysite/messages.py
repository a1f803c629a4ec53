"""Where Django's messages wait for the page that shows them."""

from django.contrib.messages.storage.fallback import FallbackStorage
from django.utils.functional import SimpleLazyObject


def when_used(storage):
    return lambda *args: SimpleLazyObject(lambda: storage(*args))


class Storage(FallbackStorage):
    """Django's default: a cookie first, then the session.

    The default makes the cookie's key ready in each request, for a cookie that hardly
    any has, which costs a page a twentieth of its time; this one when it is needed.
    """

    storage_classes = [
        when_used(storage) for storage in FallbackStorage.storage_classes
    ]
