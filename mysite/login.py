"""Slows down those who guess passwords: each guess costs half a second of CPU."""

import hashlib
from contextlib import suppress

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied

# So many wrong passwords, from one address, in so many seconds.
ATTEMPTS = 10
SECONDS = 5 * 60


def client_address(request):
    """Return the address that a request came from.

    The last one in X-Forwarded-For is the router's word where HTTPS is: gunicorn
    believes a trusted peer alone that a request came by HTTPS.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if forwarded and request.is_secure():
        return forwarded.rpartition(",")[2].strip()
    return request.META.get("REMOTE_ADDR", "")


class SlowedModelBackend(ModelBackend):
    """Django's backend, but it stops listening to an address that keeps guessing.

    A few lines on Django's cache do it: the libraries for it bring tables, middleware
    and settings of their own. By address and not by name, or anyone could lock out
    the owner.
    """

    def authenticate(self, request, username=None, password=None, **kwargs):
        """Return the user, or None; raise PermissionDenied where there were too many.

        Django answers that as it answers a wrong password, but computes no hash.
        """
        if request is None:
            return super().authenticate(request, username, password, **kwargs)
        address = hashlib.sha256(client_address(request).encode()).hexdigest()
        key = f"wrong-passwords-{address}"
        if cache.get_or_set(key, 0, SECONDS) >= ATTEMPTS:
            raise PermissionDenied
        user = super().authenticate(request, username, password, **kwargs)
        if user is None:
            with suppress(ValueError):  # it ran out, or the cache is away
                cache.incr(key)
        return user
